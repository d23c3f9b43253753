//! A shopping cart that may be written in several places at once. No node is needed: the record is
//! data, and goes from program to program as a line of hexadecimal digits.
//!
//!     cargo run -p chinwag --example cart ann tea </dev/null >tea
//!     cargo run -p chinwag --example cart bob milk <tea >milk
//!     cargo run -p chinwag --example cart eve rum <tea >rum
//!     cat milk rum | cargo run -p chinwag --example cart ann
//!
//! bob and eve do not know of each other's carts: the last line shows both, and makes one of them.

use std::collections::BTreeSet;
use std::error::Error;

use chinwag::clock::Siblings;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    // Who writes. No two may write at once under one name: the record would take them for one.
    let actor = arguments.next().ok_or("usage: cart ACTOR [ITEM...] <RECORDS >RECORD")?;
    let added: Vec<String> = arguments.collect();

    let mut record = Siblings::new();
    for line in std::io::stdin().lines() {
        record.merge(read(&line?)?)?;
    }
    if record.len() > 1 {
        record.values().for_each(|cart| show("sibling", cart));
        record.resolve(&actor, |carts| cart(carts.iter().flat_map(|cart| cart.lines())))?;
    }
    if !added.is_empty() {
        // The context says which values the new one replaces: those that were read.
        let context = record.context().clone();
        let present = record.values().flat_map(|cart| cart.lines());
        let together = cart(present.chain(added.iter().map(String::as_str)));
        record.put(&actor, &context, together)?;
    }
    record.values().for_each(|cart| show("cart", cart));
    println!("{}", record.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Ok(())
}

/// A cart is text: its items in order, each once, one a line.
fn cart<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
}

fn show(what: &str, cart: &str) {
    eprintln!("{what} {}", cart.replace('\n', ", "));
}

fn read(line: &str) -> Result<Siblings<String>, Box<dyn Error>> {
    let digits = line.as_bytes().chunks(2);
    let bytes: Result<Vec<u8>, Box<dyn Error>> =
        digits.map(|two| Ok(u8::from_str_radix(std::str::from_utf8(two)?, 16)?)).collect();
    let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
    Ok(Siblings::from_bytes(&bytes?)?.map(text))
}
