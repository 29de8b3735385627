//! Names that mean a secret.
//!
//! A name is split into words at anything but letters and digits and at `camelCase`. It means a secret if one of its words
//! does, or if the whole contains one that is never part of another word.
//!
//! In two measures. An *environment variable* is judged strictly: a false alarm costs little there, since handles can be
//! compared. A *field* or a key in text is judged by stronger words, and not where its last word says that it holds
//! something about the secret (`secretName`, `tokenExpirationSeconds`): Kubernetes' own fields have to stay readable.

/// Words that mean a secret wherever they stand.
const WORDS: [&str; 20] = [
    "pass",
    "pwd",
    "cred",
    "creds",
    "dsn",
    "connstr",
    "jwt",
    "bearer",
    "authorization",
    "cookie",
    "cookies",
    "sas",
    "otp",
    "passcode",
    "salt",
    "signature",
    "sig",
    "requirepass",
    "masterauth",
    "psk",
];
/// Parts that mean a secret also inside a longer word: `PGPASSWORD`, `authtoken`.
const PARTS: [&str; 21] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "encryptionkey",
    "signingkey",
    "masterkey",
    "accountkey",
    "sharedkey",
    "authkey",
    "sshkey",
    "licensekey",
    "sessionkey",
    "clientkey",
    "connectionstring",
];
/// Words that mean a secret in the name of an environment variable only.
const ENVIRONMENT: [&str; 13] = [
    "conn",
    "pin",
    "key",
    "keys",
    "auth",
    "cert",
    "certs",
    "certificate",
    "private",
    "license",
    "connection",
    "signing",
    "encryption",
];
/// Last words of a field that holds something about a secret.
const ABOUT: [&str; 34] = [
    "name",
    "names",
    "namespace",
    "ref",
    "refs",
    "file",
    "files",
    "path",
    "paths",
    "dir",
    "mount",
    "volume",
    "seconds",
    "minutes",
    "expiration",
    "expiry",
    "expires",
    "ttl",
    "timeout",
    "count",
    "length",
    "size",
    "limit",
    "policy",
    "type",
    "types",
    "enabled",
    "required",
    "url",
    "uri",
    "endpoint",
    "issuer",
    "algorithm",
    "class",
];

/// Whether an environment variable of that name holds a secret.
pub(super) fn of_variable(name: &str) -> bool {
    let words = words(name);
    means_secret(&words) || words.iter().any(|w| ENVIRONMENT.contains(&w.as_str()))
}

/// Whether a field, a flag, a header or a key of that name holds a secret.
pub(super) fn of_field(name: &str) -> bool {
    let words = words(name);
    let about = words.last().is_some_and(|w| ABOUT.contains(&w.as_str()));
    // Docker's configuration has the field `auth`
    (means_secret(&words) && !about) || words == ["auth"]
}

fn means_secret(words: &[String]) -> bool {
    let whole = words.concat();
    words.iter().any(|w| WORDS.contains(&w.as_str())) || PARTS.iter().any(|p| whole.contains(p))
}

/// The words of a name, in lower case: `DB_PassWord-v2` → db, pass, word, v2. A handle in it is none.
fn words(name: &str) -> Vec<String> {
    let name = super::HANDLE.replace_all(name, " ");
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let begins = !before.is_alphanumeric() || (before.is_lowercase() && c.is_uppercase());
        if c.is_alphanumeric() {
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_hold_secrets_are_told_by_their_names() {
        for name in [
            "DB_PASSWORD",
            "PGPASSWORD",
            "password",
            "API_KEY",
            "apiKey",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "AUTH_TOKEN",
            "GITHUB_TOKEN",
            "DATABASE_DSN",
            "DB_CONN",
            "ConnectionStrings__Default",
            "TLS_KEY",
            "SMTP_PASS",
            "MYSQL_PWD",
            "JWT",
            "REDIS_CREDENTIALS",
            "db-passwd",
            "SESSION_COOKIE",
            "PASSWORD_FILE",
        ] {
            assert!(of_variable(name), "{name}");
        }
        for name in [
            "LOG_LEVEL",
            "MONKEY",
            "KEYCLOAK_HOST",
            "COMPASS",
            "CONNECT_TIMEOUT",
            "MAX_CONNECTIONS",
            "PORT",
            "",
            "HOST",
        ] {
            assert!(!of_variable(name), "{name}");
        }
    }

    #[test]
    fn fields_of_kubernetes_that_only_speak_of_secrets_stay_readable() {
        for name in [
            "secretName",
            "secretKeyRef",
            "secretRef",
            "tokenExpirationSeconds",
            "key",
            "topologyKey",
            "path",
            "pod-template-hash",
            "config.kubernetes.io/path",
            "token-url",
            "passwordSecretRef",
        ] {
            assert!(!of_field(name), "{name}");
        }
        for name in [
            "password",
            "token",
            "client-key-data",
            "auth",
            "bearerToken",
            "x-api-key",
            "clientSecret",
            "adminPassword",
            "connection-string",
        ] {
            assert!(of_field(name), "{name}");
        }
    }
}
