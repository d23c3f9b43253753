//! Certificates for members: made when a scenario asks for them, and gone with the run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// The authorities of a scenario, and the files that they have signed.
#[derive(Default)]
pub(crate) struct Certificates {
    folder: Option<TempDir>,
    authorities: BTreeMap<String, Authority>,
    made: usize,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

impl Certificates {
    /// The options of a member that shows a certificate with this name, by an authority of that
    /// name, which is the only one that it believes.
    pub(crate) fn options(
        &mut self,
        authority: &str,
        name: &str,
    ) -> Result<[(String, String); 3], String> {
        let folder = self.folder().map_err(|error| format!("certificates: {error}"))?;
        let signed = self.sign(authority, name).map_err(|error| format!("{name}: {error}"))?;
        self.made += 1;
        let number = self.made;
        let put = |key: &str, text: &str| {
            let path = folder.join(format!("{number}.{key}.pem"));
            let written =
                write(&path, text).map_err(|error| format!("{}: {error}", path.display()));
            written.map(|()| (format!("opt.{key}"), path.display().to_string()))
        };
        let [cert, key, ca] = signed;
        Ok([put("tls_cert", &cert)?, put("tls_key", &key)?, put("tls_ca", &ca)?])
    }

    fn folder(&mut self) -> io::Result<PathBuf> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => TempDir::new()?,
        };
        Ok(self.folder.insert(folder).path().to_owned())
    }

    /// A certificate, its key and that of who signed it.
    fn sign(&mut self, authority: &str, name: &str) -> Result<[String; 3], rcgen::Error> {
        if !self.authorities.contains_key(authority) {
            self.authorities.insert(authority.to_owned(), new_authority(authority)?);
        }
        let authority = &self.authorities[authority];
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec![name.to_owned()])?;
        let cert = params.signed_by(&key, authority)?;
        Ok([cert.pem(), key.serialize_pem(), authority.pem()])
    }
}

fn new_authority(name: &str) -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// Writes a file that nobody else reads, which the library demands of a key.
fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
