//! The matrix of `chinwag_peers::matrix`: each row is a test, its cells are played side by side.

use chinwag_peers::command::built;
use chinwag_peers::matrix::{
    Cell, LONG, Peer, Setting, check, rendered, roll, rotate, side_by_side,
};
use chinwag_peers::root;

const MARKS: [&str; 2] = ["<!-- matrix -->\n", "<!-- end of matrix -->"];

fn row(peer: Peer) {
    if !peer.is_there() {
        return;
    }
    built(&["-p", "chinwag-agent"], "chinwag-agent");
    let settings = Setting::ALL.into_iter().filter(|setting| setting.impossible(peer).is_none());
    let cells =
        settings.map(|setting| (format!("{} · {}", peer.title(), setting.title()), setting));
    side_by_side(cells.collect(), |setting| match setting {
        Setting::Rolling => roll(peer),
        Setting::Rotation => rotate(peer),
        _ => check(Cell { peer, setting, language: "rust", rounds: LONG }),
    });
}

#[test]
fn newest_memberlist() {
    row(Peer::Newest);
}

#[test]
fn old_memberlist() {
    row(Peer::Old);
}

#[test]
fn serf() {
    row(Peer::Serf);
}

#[test]
fn alertmanager() {
    row(Peer::Alertmanager);
}

#[test]
fn the_documentation_has_the_matrix() {
    let path = root().join("docs/PROTOCOL.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(MARKS[0]).expect("where it begins");
    let (_, after) = rest.split_once(MARKS[1]).expect("where it ends");
    let wanted = format!("{before}{}\n{}\n{}{after}", MARKS[0], rendered(), MARKS[1]);
    if page == wanted {
        return;
    }
    if std::env::var_os("CI").is_none() {
        std::fs::write(&path, wanted).expect("the page can be written");
    }
    panic!(
        "docs/PROTOCOL.md had another matrix than the tests; it has the right one when run again"
    );
}
