//! Certificates for the two sides, by an authority of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// The options of a member, and their files.
pub(super) fn files(place: &Path, name: &str) -> [(&'static str, PathBuf); 3] {
    [
        ("tls_cert", place.join(format!("{name}.crt"))),
        ("tls_key", place.join(format!("{name}.key"))),
        ("tls_ca", place.join("ca.crt")),
    ]
}

/// Writes them, for these members.
pub(super) fn write(place: &Path, names: &[&str]) -> io::Result<()> {
    fs::create_dir_all(place)?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
    for &name in names {
        let params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let cert = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
        let [(_, cert_file), (_, key_file), (_, ca_file)] = files(place, name);
        fs::write(cert_file, cert.pem())?;
        fs::write(&key_file, key.serialize_pem())?;
        fs::write(ca_file, issuer.pem())?;
        only_ours(&key_file)?;
    }
    Ok(())
}

/// A key that others can read is refused.
#[cfg(unix)]
fn only_ours(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn only_ours(_path: &Path) -> io::Result<()> {
    Ok(())
}
