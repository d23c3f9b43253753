//! House style. `docs/STYLE.md` has the reasons.

use chinwag_house::tidy::{Tree, arrows, bindings, functions, sizes, words};

fn holds(rule: impl Fn(&Tree) -> Vec<String>) {
    let report = rule(&Tree::load());
    assert!(report.is_empty(), "\n{}", report.join("\n"));
}

#[test]
fn modules_know_only_what_the_table_allows() {
    holds(arrows::arrows);
}

#[test]
fn functions_are_short() {
    holds(functions::length);
}

#[test]
fn functions_nest_little() {
    holds(functions::nesting);
}

#[test]
fn functions_take_few_parameters() {
    holds(functions::parameters);
}

#[test]
fn lines_fit() {
    holds(sizes::columns);
}

#[test]
fn files_are_short() {
    holds(sizes::lines);
}

#[test]
fn folders_are_small() {
    holds(sizes::folders);
}

#[test]
fn nothing_is_left_over() {
    holds(words::leftovers);
}

#[test]
fn no_path_of_one_machine() {
    holds(words::machine_paths);
}

#[test]
fn lock_files_name_no_download() {
    holds(words::lock_files);
}

#[test]
fn documents_have_one_title() {
    holds(words::titles);
}

#[test]
fn documents_name_what_is_there() {
    holds(words::places);
}

#[test]
fn bindings_have_the_same_files() {
    holds(bindings::same_files);
}

#[test]
fn bindings_see_the_facade_only() {
    holds(bindings::facade_only);
}

#[test]
fn exports_to_node_catch_panics() {
    holds(bindings::caught);
}

#[test]
fn exports_to_c_catch_panics() {
    holds(bindings::guarded);
}

#[test]
fn no_rust_file_is_an_orphan() {
    holds(bindings::orphans);
}

#[test]
fn bans_hold_where_they_should() {
    holds(bindings::bans);
}
