//! What a node shows of itself, and whom it believes.

use std::fmt;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use super::super::fault::{Fault, Flaw, Pem};
use super::super::proof::{Proof, name_in_uri, uri_of};

/// What the name of the protocol begins with; the beginning of a hash of the label follows.
const PROTOCOL: &[u8] = b"chinwag/1/";
const LABEL_HASH: usize = 16;

/// What a node shows, and whom it believes.
pub(crate) struct Identity {
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
    pub(super) protocol: Vec<u8>,
    label: String,
    names: Vec<String>,
    checks_names: bool,
}

impl Identity {
    /// Of a certificate and what goes with it, in the cluster with that label. With `checks_names`,
    /// a member must have its name in its certificate.
    ///
    /// # Errors
    /// Which of the three texts is wrong, and in what: also when the certificate is not one that
    /// this node itself would believe.
    pub(crate) fn new(pem: &Pem<'_>, label: &str, checks_names: bool) -> Result<Self, Flaw> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Self::under(provider, pem, label, checks_names)
    }

    pub(super) fn under(
        provider: Arc<CryptoProvider>,
        pem: &Pem<'_>,
        label: &str,
        checks_names: bool,
    ) -> Result<Self, Flaw> {
        let chain = certificates(pem.cert).map_err(Flaw::Cert)?;
        let roots = Arc::new(roots(pem.ca)?);
        // What the parser says of a key may have some of it.
        let key = PrivateKeyDer::from_pem_slice(pem.key)
            .map_err(|_| Flaw::Key("has no private key in PEM".to_owned()))?;
        let key = CertifiedKey::from_der(chain.clone(), key, &provider).map_err(|error| {
            Flaw::Key(match error {
                Error::InconsistentKeys(_) => "has a key that is not the certificate's".to_owned(),
                _ => "has a key of a kind that is not known".to_owned(),
            })
        })?;
        let held = (Arc::clone(&roots), Arc::clone(&provider));
        let clients = WebPkiClientVerifier::builder_with_provider(held.0, held.1);
        let clients = clients.build().map_err(|error| Flaw::Ca(error.to_string()))?;
        let servers = Arc::new(Members { roots, provider: Arc::clone(&provider) });
        judge(&chain, &*clients, &servers)?;
        let names = chain.first().map(|cert| names(cert, label)).unwrap_or_default();
        let protocol = protocol(label);
        let own = Arc::new(SingleCertAndKey::from(key));
        let broken = |error: Error| Flaw::Cert(error.to_string());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let server = server.with_protocol_versions(&[&TLS13]).map_err(broken)?;
        let mut server = server.with_client_cert_verifier(clients).with_cert_resolver(own.clone());
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        server.alpn_protocols = vec![protocol.clone()];
        let client = ClientConfig::builder_with_provider(provider);
        let client = client.with_protocol_versions(&[&TLS13]).map_err(broken)?;
        let client = client.dangerous().with_custom_certificate_verifier(servers);
        let mut client = client.with_client_cert_resolver(own);
        client.resumption = Resumption::disabled();
        client.enable_sni = false;
        client.alpn_protocols = vec![protocol.clone()];
        let (client, server) = (Arc::new(client), Arc::new(server));
        Ok(Self { client, server, protocol, label: label.to_owned(), names, checks_names })
    }

    /// The same, with another way to dial and to be dialled.
    #[cfg(test)]
    pub(super) fn with(&self, client: ClientConfig, server: ServerConfig) -> Self {
        let (client, server) = (Arc::new(client), Arc::new(server));
        let (protocol, label, names) =
            (self.protocol.clone(), self.label.clone(), self.names.clone());
        Self { client, server, protocol, label, names, ..*self }
    }

    /// What somebody who shows this certificate has proven.
    pub(super) fn proof(&self, shown: Option<&CertificateDer<'_>>) -> Proof {
        match shown {
            _ if !self.checks_names => Proof::None,
            None => Proof::Names(Vec::new()),
            Some(certificate) => Proof::Names(names(certificate, &self.label)),
        }
    }

    /// Why a member of that name should not show this: others would not believe it.
    pub(crate) fn misses(&self, name: &str) -> Option<String> {
        if !self.checks_names || self.names.iter().any(|known| known == name) {
            return None;
        }
        let known = match &self.names[..] {
            [] => "no name of a member".to_owned(),
            names => names.join(", "),
        };
        Some(format!(
            "does not have the name of this member, \"{name}\", as a DNS name, or as the URI {}: \
             it has {known}; tls_verify_name = false on all members does without",
            uri_of(name, &self.label)
        ))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The name of the protocol in a cluster with that label.
fn protocol(label: &str) -> Vec<u8> {
    let hash = Sha256::digest(label.as_bytes());
    let digits = hash.iter().take(LABEL_HASH).map(|byte| format!("{byte:02x}"));
    [PROTOCOL, digits.collect::<String>().as_bytes()].concat()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err("has no certificate in PEM".to_owned()),
        Err(_) => Err("is not PEM throughout".to_owned()),
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, Flaw> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(Flaw::Ca)? {
        let bad = |_| Flaw::Ca("has a certificate that cannot be read".to_owned());
        roots.add(certificate).map_err(bad)?;
    }
    Ok(roots)
}

/// Judges this node's own certificate as the others will.
fn judge(
    chain: &[CertificateDer<'_>],
    clients: &dyn ClientCertVerifier,
    servers: &Members,
) -> Result<(), Flaw> {
    let Some((own, others)) = chain.split_first() else { return Ok(()) };
    let now = UnixTime::now();
    let outcome = clients.verify_client_cert(own, others, now).map(drop);
    outcome.and_then(|()| servers.judge(own, others, now)).map_err(|error| {
        Flaw::Cert(match Fault::from(&error) {
            Fault::Issuer => "is not signed by any certificate in tls_ca".to_owned(),
            Fault::Expired => "has expired".to_owned(),
            Fault::NotYet => "is not valid yet".to_owned(),
            Fault::Use => "is not for clients and servers alike, as every member is".to_owned(),
            _ => format!("cannot be used: {error}"),
        })
    })
}

/// The names of members that a certificate has: those of the DNS, as they are, and URIs of ours.
fn names(certificate: &CertificateDer<'_>, label: &str) -> Vec<String> {
    let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let uris = certificate.valid_uri_names().filter_map(|uri| name_in_uri(uri, label));
    certificate.valid_dns_names().map(str::to_owned).chain(uris).collect()
}

/// Judges the certificate of a member that this node has dialled.
#[derive(Debug)]
struct Members {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Members {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let certificate = ParsedCertificate::try_from(certificate)?;
        let known = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, others, now, known)
    }
}

impl ServerCertVerifier for Members {
    /// Who signed it, until when, and for what. The name is compared with the member's.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
