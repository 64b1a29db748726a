use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_rustls::TlsAcceptor;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::server::WebPkiClientVerifier;
use futures_rustls::rustls::{RootCertStore, ServerConfig};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::reload::{Reloaded, read};

/// TLS, 1.2 and 1.3, with HTTP/1.1 and HTTP/2. The files are read again when they change.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate and those that lead from it to its issuer, as PEM.
    pub cert: PathBuf,
    /// The private key, as PEM.
    pub key: PathBuf,
    /// The certificates of those who issue certificates to clients, as PEM: whoever has none of theirs is not let in.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// What makes connections private.
pub(crate) struct Tls {
    server: Reloaded<TlsAcceptor>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn open(config: TlsConfig) -> Result<Self, String> {
        let files = [&config.cert, &config.key]
            .into_iter()
            .chain(&config.client_ca);
        let files = files.cloned().collect();
        let server = Reloaded::new(files, move || acceptor(&config))?;
        Ok(Tls { server })
    }

    /// The source that it is for.
    pub(crate) fn belongs_to(&self, source: &Arc<str>) {
        self.server.belongs_to(source);
    }

    /// Shakes hands with the certificate as it is now.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::clone(&self.server.current())
    }
}

fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for issuer in certificates(file)? {
                roots.add(issuer).map_err(|error| at(file, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|error| at(file, error))?)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(&read(&config.key)?);
    let key = key.map_err(|error| at(&config.key, error))?;
    let mut server = builder
        .with_single_cert(certificates(&config.cert)?, key)
        .map_err(|error| at(&config.cert, error))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| at(file, error))?;
    if all.is_empty() {
        return Err(format!(
            "`{}` has no certificate, expected PEM",
            file.display()
        ));
    }
    Ok(all)
}

fn at(file: &Path, error: impl std::fmt::Display) -> String {
    format!("cannot use `{}`: {error}", file.display())
}
