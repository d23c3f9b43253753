//! Handshakes from memory to memory, with certificates made here.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::UnixTime;
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    CipherSuiteCommon, ClientConfig, ServerConfig, SignatureScheme, SupportedCipherSuite,
    Tls13CipherSuite,
};

use super::super::fault::{Flaw, Pem};
use super::super::greeting::{Channel, Greeting, Refusal};
use super::*;
use crate::wire::{Key, Keyring, Security};

/// Signs members.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A member's files, as texts.
struct Papers {
    cert: String,
    key: String,
    ca: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    fn signs(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Papers {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of the DNS");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("a certificate");
        Papers { cert: cert.pem(), key: key.serialize_pem(), ca: self.0.pem() }
    }

    fn member(&self, name: &str) -> Arc<Identity> {
        self.signs(&[name], |_| {}).identity("a").expect("all is well")
    }
}

impl Papers {
    fn identity(&self, label: &str) -> Result<Arc<Identity>, Flaw> {
        let [cert, key, ca] = [&self.cert, &self.key, &self.ca].map(String::as_bytes);
        Identity::new(&Pem { cert, key, ca }, label, true).map(Arc::new)
    }
}

/// Both sides' channels; or what the side that dialled, and the other, find fault with.
type Outcome = Result<(Channel, Channel), (Option<Refusal>, Option<Refusal>)>;

fn greet(dials: Option<&Arc<Identity>>, accepts: Option<&Arc<Identity>>) -> Outcome {
    let security = Security::labelled("a");
    between((dials, &security), (accepts, &security), |_, _| {})
}

/// `on_the_way` may change what is sent; it is told whether by the side that has dialled.
fn between(
    dials: (Option<&Arc<Identity>>, &Security),
    accepts: (Option<&Arc<Identity>>, &Security),
    mut on_the_way: impl FnMut(bool, &mut Vec<u8>),
) -> Outcome {
    let mut there = Vec::new();
    let mut dialler = Greeting::dial(dials.1, dials.0, [1; 32], &mut there).expect("it dials");
    let mut acceptor = Greeting::accept([2; 32], accepts.0.cloned());
    let (mut dialled, mut accepted) = (Ok(None), Ok(None));
    loop {
        let mut back = Vec::new();
        on_the_way(true, &mut there);
        // One byte at a time, as a slow network has it.
        for byte in std::mem::take(&mut there) {
            step(&mut acceptor, &[byte], accepts.1, &mut back, &mut accepted);
        }
        on_the_way(false, &mut back);
        if back.is_empty() {
            break;
        }
        step(&mut dialler, &back, dials.1, &mut there, &mut dialled);
    }
    match (dialled, accepted) {
        (Ok(Some(dialled)), Ok(Some(accepted))) => Ok((dialled, accepted)),
        (dialled, accepted) => Err((dialled.err(), accepted.err())),
    }
}

/// One side hears something; once it is through, that is for its channel.
fn step(
    side: &mut Greeting,
    bytes: &[u8],
    security: &Security,
    out: &mut Vec<u8>,
    so_far: &mut Result<Option<Channel>, Refusal>,
) {
    match so_far {
        Ok(None) => *so_far = side.push(bytes, security, out),
        Ok(Some(channel)) => {
            if let Err(Unreadable::Refused(fault)) = channel.opener.open(bytes, &mut Vec::new()) {
                *so_far = Err(Refusal::Certificate(fault));
            }
        }
        Err(_) => {}
    }
}

fn talk(from: &mut Channel, to: &mut Channel) {
    for size in [1, 100, 16_384, 65_519, 200_000] {
        let (plain, mut sealed, mut back) = (vec![size as u8; size], Vec::new(), Vec::new());
        from.sealer.seal(&plain, &mut sealed);
        for part in sealed.chunks(1_000.max(size / 7)) {
            to.opener.open(part, &mut back).expect("untouched");
        }
        assert_eq!(back, plain);
    }
}

/// The same identity, with another way to dial and to be dialled.
fn altered(
    identity: &Identity,
    change: impl FnOnce(&mut ClientConfig, &mut ServerConfig),
) -> Arc<Identity> {
    let (mut client, mut server) = ((*identity.client).clone(), (*identity.server).clone());
    change(&mut client, &mut server);
    Arc::new(identity.with(client, server))
}

#[test]
fn members_of_one_authority_talk_and_are_known_by_their_names() {
    let ca = Authority::new("ours");
    let (a, b) = (ca.member("web-1"), ca.member("web-2"));
    let (mut dialled, mut accepted) = greet(Some(&a), Some(&b)).expect("they know each other");
    talk(&mut dialled, &mut accepted);
    talk(&mut accepted, &mut dialled);
    assert_eq!(dialled.proof, Proof::Names(vec!["web-2".into()]));
    assert_eq!(accepted.proof, Proof::Names(vec!["web-1".into()]));
    // Whatever keys there are, and whether or not they are the same.
    let keyed = |byte: u8| {
        let key = Key::from_bytes(&[byte; 32]).expect("a key");
        Security { keyring: Some(Keyring::new(key)), ..Security::labelled("a") }
    };
    let outcome = between((Some(&a), &keyed(1)), (Some(&b), &keyed(2)), |_, _| {});
    outcome.expect("certificates are what counts");
}

#[test]
fn a_name_that_is_none_of_the_dns_is_a_uri() {
    let ca = Authority::new("ours");
    let uri = SanType::URI("chinwag:a/w%C3%B6rker%201".try_into().expect("ASCII"));
    let papers = ca.signs(&["web-1", "*.example.org"], |params| params.subject_alt_names.push(uri));
    let identity = papers.identity("a").expect("all is well");
    let names = |label: &str| match papers.identity(label).expect("all is well").misses("none") {
        Some(text) => {
            text.split("it has ").nth(1).and_then(|t| t.split(';').next().map(str::to_owned))
        }
        None => panic!("it has no such name"),
    };
    assert_eq!(names("a").as_deref(), Some("web-1, *.example.org, wörker 1"));
    // Of another cluster's, nothing is taken.
    assert_eq!(names("b").as_deref(), Some("web-1, *.example.org"));
    for name in ["web-1", "wörker 1"] {
        assert_eq!(identity.misses(name), None);
    }
    // A wildcard is a name like any other, and stands for nobody else.
    assert!(identity.misses("x.example.org").is_some_and(|text| text.contains("chinwag:a/x.exa")));
}

#[test]
fn whoever_is_not_one_of_us_is_refused_and_told_why() {
    let (ca, other) = (Authority::new("ours"), Authority::new("theirs"));
    let (a, b) = (ca.member("web-1"), ca.member("web-2"));
    let certificate = |fault| Some(Refusal::Certificate(fault));
    let refused = |dials: &Arc<Identity>, accepts: &Arc<Identity>| {
        greet(Some(dials), Some(accepts)).map(drop).expect_err("refused")
    };
    // Signed by somebody else, and each believes only its own.
    let stranger = other.member("web-1");
    let outcome = refused(&stranger, &b);
    assert_eq!(outcome, (certificate(Fault::Issuer), certificate(Fault::OwnIssuer)));
    // The same, if that has the name of ours.
    let namesake = Authority::new("ours").member("web-1");
    let outcome = refused(&namesake, &b);
    assert_eq!(outcome, (certificate(Fault::Issuer), certificate(Fault::OwnBad)));
    // One who believes us, and whom we do not believe.
    let own = Arc::clone(&stranger.client.client_auth_cert_resolver);
    let rogue = altered(&a, |client, _| client.client_auth_cert_resolver = own);
    let outcome = refused(&rogue, &b);
    assert_eq!(outcome, (certificate(Fault::OwnIssuer), certificate(Fault::Issuer)));
    // One who shows none.
    let nobody = altered(&a, |client, _| client.client_auth_cert_resolver = Arc::new(Nobody));
    let outcome = refused(&nobody, &b);
    assert_eq!(outcome, (certificate(Fault::OwnNothing), certificate(Fault::Nothing)));
    // Who has expired, and who is yet to come, by the clock of who judges.
    let at = |years: u64| -> Arc<dyn TimeProvider> { Arc::new(Years(years)) };
    let late = altered(&b, |_, server| server.time_provider = at(4_000));
    let outcome = refused(&a, &late);
    assert_eq!(outcome, (certificate(Fault::OwnExpired), certificate(Fault::Expired)));
    let early = altered(&b, |_, server| server.time_provider = at(0));
    assert_eq!(refused(&a, &early).1, certificate(Fault::NotYet));
    let late = altered(&a, |client, _| client.time_provider = at(4_000));
    let outcome = refused(&late, &b);
    assert_eq!(outcome, (certificate(Fault::Expired), certificate(Fault::OwnExpired)));
    // Another cluster of the same authority.
    let elsewhere = ca.signs(&["web-1"], |_| {}).identity("b").expect("all is well");
    let outcome = refused(&elsewhere, &b);
    assert_eq!(outcome, (certificate(Fault::Label), certificate(Fault::Label)));
    // One who does not say what it speaks.
    let vague = altered(&a, |client, _| client.alpn_protocols.clear());
    assert_eq!(refused(&vague, &b).1, certificate(Fault::Label));
    let vague = altered(&b, |_, server| server.alpn_protocols.clear());
    assert_eq!(refused(&a, &vague).0, certificate(Fault::Label));
}

#[test]
fn there_is_no_way_between_certificates_and_anything_else() {
    let ca = Authority::new("ours");
    let a = ca.member("web-1");
    let plain = Security::labelled("a");
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let keyed = Security { keyring: Some(Keyring::new(key)), ..Security::labelled("a") };
    let uncertified = Err((Some(Refusal::Uncertified), Some(Refusal::Uncertified)));
    for others in [&plain, &keyed] {
        for with in [&plain, &keyed] {
            let outcome = between((Some(&a), with), (None, others), |_, _| {});
            assert_eq!(outcome.map(drop), uncertified);
            let outcome = between((None, others), (Some(&a), with), |_, _| {});
            assert_eq!(outcome.map(drop), uncertified);
        }
    }
    // Somebody on the way who would have it in clear gets nowhere with either side.
    let outcome = between((Some(&a), &plain), (Some(&a), &plain), |dials, bytes| {
        if dials && bytes.starts_with(b"\xcbcwm") {
            bytes.truncate(6);
            bytes[5] = 0;
        }
    });
    assert_eq!(outcome.map(drop), uncertified);
}

#[test]
fn whatever_is_changed_on_the_way_ends_it() {
    let ca = Authority::new("ours");
    let (a, b) = (ca.member("web-1"), ca.member("web-2"));
    let plain = Security::labelled("a");
    for by_dialler in [true, false] {
        // Bytes of that side in the whole of a handshake.
        let mut length = 0;
        let outcome = between((Some(&a), &plain), (Some(&b), &plain), |dials, bytes| {
            length += if dials == by_dialler { bytes.len() } else { 0 };
        });
        outcome.expect("untouched");
        assert!(length > 500, "{length}");
        let mut unharmed = 0;
        for place in (0..length).step_by(7) {
            let mut before = 0;
            let outcome = between((Some(&a), &plain), (Some(&b), &plain), |dials, bytes| {
                if dials == by_dialler {
                    if let Some(byte) = place.checked_sub(before).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= 1 << (place % 8);
                    }
                    before += bytes.len();
                }
            });
            // Some bytes are not part of what is signed, such as the version of a record; then
            // nothing has come of it. Otherwise one of the two finds fault, or waits for more.
            if let Ok((mut dialled, mut accepted)) = outcome {
                talk(&mut dialled, &mut accepted);
                unharmed += 1;
            }
        }
        assert!(unharmed * 50 <= length / 7, "{unharmed} of {length} bytes mean nothing");
    }
}

#[test]
fn records_are_understood_once_and_in_order() {
    let ca = Authority::new("ours");
    let (a, b) = (ca.member("web-1"), ca.member("web-2"));
    let pair = || greet(Some(&a), Some(&b)).expect("they know each other");
    let sealed = |from: &mut Channel, text: &[u8]| {
        let mut out = Vec::new();
        from.sealer.seal(text, &mut out);
        out
    };
    let mut plain = Vec::new();
    let (mut from, mut to) = pair();
    let first = sealed(&mut from, b"first");
    to.opener.open(&first, &mut plain).expect("the first");
    assert_eq!(to.opener.open(&first, &mut plain), Err(Unreadable::Tampered), "repeated");
    let (mut from, mut to) = pair();
    sealed(&mut from, b"first");
    let second = sealed(&mut from, b"second");
    assert_eq!(to.opener.open(&second, &mut plain), Err(Unreadable::Tampered), "one was left out");
    for place in 0..first.len() {
        let (mut from, mut to) = pair();
        let mut bytes = sealed(&mut from, b"first");
        bytes[place] ^= 1;
        plain.clear();
        let outcome = to.opener.open(&bytes, &mut plain);
        // The length may say that more is to come; the version of a record says nothing.
        assert!(outcome.is_err() || plain.is_empty() || place < 3, "byte {place}");
    }
    // One of another connection.
    let (_, mut to) = pair();
    assert_eq!(to.opener.open(&first, &mut plain), Err(Unreadable::Tampered), "of another");
}

#[test]
fn keys_are_changed_by_and_by() {
    let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256;
    // After so many records; it would be some millions.
    let common = CipherSuiteCommon {
        suite: suite.common.suite,
        hash_provider: suite.common.hash_provider,
        confidentiality_limit: 64,
    };
    let suite: &'static Tls13CipherSuite = Box::leak(Box::new(Tls13CipherSuite {
        common,
        hkdf_provider: suite.hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: None,
    }));
    let ca = Authority::new("ours");
    let provider = Arc::new(rustls::crypto::CryptoProvider {
        cipher_suites: vec![SupportedCipherSuite::Tls13(suite)],
        ..rustls::crypto::ring::default_provider()
    });
    let member = |name: &str| {
        let papers = ca.signs(&[name], |_| {});
        let [cert, key, ca] = [&papers.cert, &papers.key, &papers.ca].map(String::as_bytes);
        let pem = Pem { cert, key, ca };
        Arc::new(Identity::under(Arc::clone(&provider), &pem, "a", true).expect("all is well"))
    };
    let (a, b) = (member("web-1"), member("web-2"));
    let (mut from, mut to) = greet(Some(&a), Some(&b)).expect("they know each other");
    let mut lengths = std::collections::BTreeSet::new();
    for number in 0..1_000_u32 {
        let said = number.to_le_bytes();
        let (mut sealed, mut plain) = (Vec::new(), Vec::new());
        from.sealer.seal(&said, &mut sealed);
        to.opener.open(&sealed, &mut plain).expect("under the next keys");
        assert_eq!(plain, said);
        (sealed, plain) = (Vec::new(), Vec::new());
        to.sealer.seal(&said, &mut sealed);
        from.opener.open(&sealed, &mut plain).expect("under the next keys");
        assert_eq!(plain, said);
        lengths.insert(sealed.len());
    }
    assert_eq!(lengths.len(), 2, "some have the news of other keys in front: {lengths:?}");
}

#[test]
fn files_that_are_not_good_are_told_apart() {
    let (ca, other) = (Authority::new("ours"), Authority::new("theirs"));
    let good = ca.signs(&["web-1"], |_| {});
    let strange = other.signs(&["web-1"], |_| {});
    let usage = |usage: ExtendedKeyUsagePurpose| {
        ca.signs(&["web-1"], |params| params.extended_key_usages = vec![usage])
    };
    let (clients, servers) =
        (usage(ExtendedKeyUsagePurpose::ClientAuth), usage(ExtendedKeyUsagePurpose::ServerAuth));
    let old = ca.signs(&["web-1"], |params| params.not_after = rcgen::date_time_ymd(2001, 1, 1));
    let new = ca.signs(&["web-1"], |params| params.not_before = rcgen::date_time_ymd(3000, 1, 1));
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    type Which = fn(String) -> Flaw;
    let cases: [(&str, &str, &str, Which, &str); 11] = [
        ("", &good.key, &good.ca, Flaw::Cert, "has no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----", &good.key, &good.ca, Flaw::Cert, "is not PEM"),
        (&good.cert, "hunter2", &good.ca, Flaw::Key, "has no private key"),
        (&good.cert, &strange.key, &good.ca, Flaw::Key, "is not the certificate's"),
        (&good.cert, &good.key, "", Flaw::Ca, "has no certificate"),
        (&good.cert, &good.key, garbled, Flaw::Ca, "cannot be read"),
        (&good.cert, &good.key, &strange.ca, Flaw::Cert, "is not signed by any"),
        (&old.cert, &old.key, &old.ca, Flaw::Cert, "has expired"),
        (&new.cert, &new.key, &new.ca, Flaw::Cert, "is not valid yet"),
        (&clients.cert, &clients.key, &clients.ca, Flaw::Cert, "clients and servers alike"),
        (&servers.cert, &servers.key, &servers.ca, Flaw::Cert, "clients and servers alike"),
    ];
    for (cert, key, ca, which, says) in cases {
        let [cert, key, ca] = [cert, key, ca].map(str::as_bytes);
        let flaw = Identity::new(&Pem { cert, key, ca }, "a", true).expect_err(says);
        let (Flaw::Cert(text) | Flaw::Key(text) | Flaw::Ca(text)) = &flaw;
        assert!(text.contains(says), "{text:?}, not {says:?}");
        assert_eq!(which(text.clone()), flaw);
        assert!(!text.contains("hunter2"), "{text}");
    }
    let shown = format!("{:?}", good.identity("a").expect("all is well"));
    assert_eq!(shown, "Identity { names: [\"web-1\"], .. }");
}

#[test]
fn garbage_is_no_handshake_and_is_not_kept() {
    let ca = Authority::new("ours");
    let a = ca.member("web-1");
    let plain = Security::labelled("a");
    let mut long = vec![0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    long.resize(100_000, 0);
    let records = [&[0x16, 3, 3, 0, 1, 1][..]; 40_000].concat();
    for bytes in [&[0; 64][..], b"GET / HTTP/1.1\r\n", &[0x16, 3, 1, 0xff, 0xff], &long, &records] {
        let mut greeting = Greeting::accept([0; 32], Some(Arc::clone(&a)));
        let outcome = greeting.push(b"\xcbcwm\x01\x02", &plain, &mut Vec::new());
        assert!(matches!(outcome, Ok(None)));
        let mut out = Vec::new();
        let parts = bytes.chunks(1_000).map(|part| greeting.push(part, &plain, &mut out).map(drop));
        let ended = parts.take(70).find(Result::is_err);
        assert!(ended.is_some(), "{:?}", bytes.get(..9));
        assert!(out.len() < 100, "an alert at most");
    }
}

/// Shows nothing.
#[derive(Debug)]
struct Nobody;

impl ResolvesClientCert for Nobody {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// A clock that stands so many years after 1970, about.
#[derive(Debug)]
struct Years(u64);

impl TimeProvider for Years {
    fn current_time(&self) -> Option<UnixTime> {
        let span = Duration::from_secs(self.0 * 365 * 24 * 3_600);
        Some(UnixTime::since_unix_epoch(span))
    }
}
