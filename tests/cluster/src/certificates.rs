//! Certificates, all made by openssl: one authority for the cluster, one for
//! the API server's calls to metrics-server, and a client for each user.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, FileContext as _, Result};
use crate::layout::{API_SERVICE_ADDRESS, Layout, NODE_ADDRESS, NODE_NAME, write};
use crate::run::{command, output};

/// Longer than a cluster runs.
const DAYS: &str = "30";

/// When a client certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// From now on, for a month.
    Valid,
    /// From now on, for so many seconds.
    Seconds(u32),
    /// It was, during the year 2020.
    Expired,
}

/// A key and the certificate for it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    folder: PathBuf,
}

impl Identity {
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

/// What a certificate is for, in openssl's words.
enum Purpose<'a> {
    Client,
    Server { names: &'a str },
}

/// One who signs certificates.
pub(crate) struct Authority {
    identity: Identity,
    issued: PathBuf,
}

impl Authority {
    /// The authority of the cluster; its certificates are beside it.
    pub(crate) fn of_cluster(layout: &Layout) -> Self {
        Self::named(layout, "ca")
    }

    /// The authority of the aggregation layer.
    pub(crate) fn of_front_proxy(layout: &Layout) -> Self {
        Self::named(layout, "front-proxy-ca")
    }

    fn named(layout: &Layout, name: &str) -> Self {
        let issued = layout.certificates();
        let folder = issued.join(name);
        Self {
            identity: Identity { folder },
            issued,
        }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.identity.certificate()
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.identity.key()
    }

    pub(crate) fn create(&self) -> Result<()> {
        make_folder(&self.identity.folder)?;
        let mut request = command("openssl", ["req", "-x509", "-days", DAYS, "-subj", "/CN=dreamops-test"]);
        request.args(NEW_KEY);
        output(request.arg(self.key()).arg("-out").arg(self.certificate()))?;
        Ok(())
    }

    /// A certificate for a user, in groups, kept under `folder`.
    pub(crate) fn client(&self, folder: &str, user: &str, groups: &[&str], validity: Validity) -> Result<Identity> {
        for part in groups.iter().chain([&user]) {
            if part.is_empty() || part.contains(['/', '+', '\\']) {
                return Err(Error::Name {
                    name: (*part).to_owned(),
                    purpose: "a user or group of a certificate",
                    rule: "not empty, without / + and \\",
                });
            }
        }
        let mut subject = String::new();
        for group in groups {
            subject.extend(["/O=", group]);
        }
        subject.extend(["/CN=", user]);
        self.issue(folder, &subject, &Purpose::Client, validity)
    }

    /// The certificate of the API server and of the kubelet, which share the
    /// node's address.
    pub(crate) fn server(&self) -> Result<Identity> {
        let names = format!(
            "IP:{NODE_ADDRESS},IP:{API_SERVICE_ADDRESS},IP:127.0.0.1,DNS:{NODE_NAME},DNS:localhost,\
             DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
             DNS:kubernetes.default.svc.cluster.local"
        );
        let purpose = Purpose::Server { names: &names };
        self.issue("node", &format!("/CN={NODE_NAME}"), &purpose, Validity::Valid)
    }

    /// `openssl ca` and not the shorter `x509 -req`, which cannot set both ends
    /// of the validity.
    fn issue(&self, folder: &str, subject: &str, purpose: &Purpose, validity: Validity) -> Result<Identity> {
        let identity = Identity {
            folder: self.issued.join(folder),
        };
        let folder = &identity.folder;
        make_folder(folder)?;
        let request = folder.join("request.pem");
        let mut ask = command("openssl", ["req", "-subj", subject, "-out"]);
        output(ask.arg(&request).args(NEW_KEY).arg(identity.key()))?;

        write(&folder.join("index.txt"), "")?;
        let settings = folder.join("ca.cnf");
        write(&settings, &signing_settings(folder, purpose))?;
        let mut sign = command("openssl", ["ca", "-batch", "-notext", "-preserveDN", "-config"]);
        sign.arg(&settings).arg("-in").arg(&request);
        sign.arg("-out").arg(identity.certificate());
        sign.arg("-cert")
            .arg(self.certificate())
            .arg("-keyfile")
            .arg(self.key());
        match validity {
            Validity::Valid => sign.args(["-days", DAYS]),
            Validity::Seconds(seconds) => {
                let end = format!("now + {seconds} seconds");
                let end = output(&mut command("date", ["-u", "-d", &end, "+%Y%m%d%H%M%SZ"]))?;
                sign.args(["-enddate", end.trim()])
            }
            Validity::Expired => sign.args(["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"]),
        };
        output(&mut sign)?;
        Ok(identity)
    }
}

/// Ends in the option that names the key's file.
const NEW_KEY: [&str; 6] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
];

/// Each certificate has a register of its own: two at once do not disturb.
fn signing_settings(folder: &Path, purpose: &Purpose) -> String {
    let extensions = match purpose {
        Purpose::Client => "extendedKeyUsage = clientAuth".to_owned(),
        Purpose::Server { names } => {
            format!("extendedKeyUsage = serverAuth\nsubjectAltName = {names}")
        }
    };
    format!(
        "[ca]\ndefault_ca = register\n\
         [register]\ndatabase = {folder}/index.txt\nnew_certs_dir = {folder}\n\
         default_md = sha256\nrand_serial = yes\nunique_subject = no\n\
         policy = any\nx509_extensions = extensions\n\
         [any]\norganizationName = optional\ncommonName = supplied\n\
         [extensions]\nbasicConstraints = CA:FALSE\n{extensions}\n",
        folder = folder.display()
    )
}

/// The key that service account tokens are signed with, and its public half.
pub(crate) fn create_token_keys(private: &Path, public: &Path) -> Result<()> {
    let mut generate = command("openssl", ["genrsa", "-out"]);
    output(generate.arg(private).arg("2048"))?;
    let mut extract = command("openssl", ["rsa", "-pubout", "-in"]);
    output(extract.arg(private).arg("-out").arg(public))?;
    Ok(())
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).file("make the folder", folder)
}
