//! Checks of the whole tree; the tests are in `tests/`.
