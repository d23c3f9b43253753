//! The script of the matrix from every other language: that options with keys get through, and that
//! every byte of a message does.

use chinwag_peers::agent::is_there;
use chinwag_peers::matrix::{Cell, Peer, SHORT, Setting, check, side_by_side};

#[test]
fn labels_and_keys_work_from_every_language() {
    let (peer, setting) = (Peer::Newest, Setting::LabelAes);
    if !peer.is_there() {
        return;
    }
    let languages = ["python", "node", "elixir", "c"].into_iter();
    let there = languages.filter(|language| is_there(language));
    let cells = there.map(|language| (language.to_owned(), language));
    side_by_side(cells.collect(), |language| {
        check(Cell { peer, setting, language, rounds: SHORT });
    });
}
