//! The bearer token that is added to each request, fetched anew before it ends.
//!
//! A token file is read again each minute; a plugin runs again a minute before its token ends, and
//! after the server has refused the token. Neither is ever replaced by another source: where the
//! source fails, the call fails, except that a token file which is gone leaves the last token in use
//! (as client-go does: the file may be removed once it was read).

use super::plugin::{Issued, Plugin};
use super::target::Bearer;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dreamops_domain::ports::Clock;
use dreamops_domain::redact::Redactor;
use dreamops_domain::time::Timestamp;
use http::HeaderValue;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// How long a token file's content is used, and how long before its end a plugin's token is replaced.
const MINUTE: Duration = Duration::from_mins(1);

/// Where the token comes from.
enum Source {
    Fixed,
    File(PathBuf),
    Plugin(Box<Plugin>),
}

/// A token in use.
struct Held {
    header: HeaderValue,
    /// When it is fetched anew.
    until: Option<Timestamp>,
    /// When it says that it ends (`exp` of a JWT).
    ends: Option<Timestamp>,
}

/// Adds a bearer token to requests.
pub(crate) struct Credential {
    source: Source,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    held: Mutex<Option<Held>>,
}

impl Credential {
    /// From a kubeconfig's token, file or plugin. A plugin has run once already, and gave `issued`.
    pub(crate) fn new(
        bearer: Bearer,
        issued: Option<&Issued>,
        clock: Arc<dyn Clock>,
        redactor: Redactor,
    ) -> Result<Option<Self>, String> {
        let (source, held) = match bearer {
            Bearer::None => return Ok(None),
            Bearer::Token(token) => (Source::Fixed, Some(held(&token, None)?)),
            Bearer::File(path) => {
                let token = read(&path)?;
                let until = Some(clock.now() + MINUTE);
                (Source::File(path), Some(held(&token, until)?))
            }
            Bearer::Plugin(plugin) => {
                let Some(token) = issued.and_then(|i| i.token.as_ref()) else {
                    // it gave a certificate, which is used for the connection itself
                    return Ok(None);
                };
                let until = issued.and_then(|i| i.until).map(a_minute_before);
                (Source::Plugin(plugin), Some(held(token, until)?))
            }
        };
        Ok(Some(Self {
            source,
            clock,
            redactor,
            held: Mutex::new(held),
        }))
    }

    /// The header's value for a request that is made now.
    pub(crate) async fn header(&self) -> Result<HeaderValue, String> {
        let mut slot = self.held.lock().await;
        let now = self.clock.now();
        if let Some(held) = slot.as_ref()
            && held.until.is_none_or(|until| now < until)
        {
            return Ok(held.header.clone());
        }
        let fresh = match &self.source {
            Source::Fixed => None,
            Source::File(path) => {
                let until = Some(now + MINUTE);
                match (read(path).and_then(|token| held(&token, until)), slot.take()) {
                    (Ok(fresh), _) => Some(fresh),
                    (Err(_), Some(last)) => Some(Held { until, ..last }),
                    (Err(why), None) => return Err(why),
                }
            }
            Source::Plugin(plugin) => {
                let issued = plugin.run(&self.redactor).await.map_err(|e| e.to_string())?;
                let token = issued.token.ok_or("the credential plugin gave no token this time")?;
                Some(held(&token, issued.until.map(a_minute_before))?)
            }
        };
        match fresh.or_else(|| slot.take()) {
            Some(held) => Ok(slot.insert(held).header.clone()),
            None => Err("the token was given up".to_owned()),
        }
    }

    /// The server has refused the token: a plugin is asked for another one next time.
    pub(crate) async fn refused(&self) {
        if matches!(self.source, Source::Plugin(_)) {
            *self.held.lock().await = None;
        }
    }

    /// When a token that nothing renews ends, if it says so.
    pub(crate) async fn ends(&self) -> Option<Timestamp> {
        match self.source {
            Source::Fixed => self.held.lock().await.as_ref()?.ends,
            Source::File(_) | Source::Plugin(_) => None,
        }
    }

    /// When the present token ended, if it says so and that is past.
    pub(crate) async fn ended(&self) -> Option<Timestamp> {
        let ends = self.held.lock().await.as_ref()?.ends?;
        (ends < self.clock.now()).then_some(ends)
    }
}

fn a_minute_before(end: Timestamp) -> Timestamp {
    let minute = u64::try_from(MINUTE.as_millis()).unwrap_or(0);
    Timestamp::from_millis(end.millis().saturating_sub(minute))
}

/// A token file's content without the line break that editors and `echo` leave at its end.
fn read(path: &PathBuf) -> Result<Zeroizing<String>, String> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|e| format!("the token file {}: {e}", path.display()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("the token file {} is empty", path.display()));
    }
    Ok(Zeroizing::new(token.to_owned()))
}

fn held(token: &str, until: Option<Timestamp>) -> Result<Held, String> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut header = HeaderValue::try_from(text.as_str())
        .map_err(|_| "the token holds characters that no token has, such as a line break".to_owned())?;
    header.set_sensitive(true);
    Ok(Held {
        header,
        until,
        ends: jwt_end(token),
    })
}

/// The `exp` of a JWT, which service account and OIDC tokens are.
pub(crate) fn jwt_end(token: &str) -> Option<Timestamp> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    let seconds = claims["exp"].as_f64()?;
    // whole seconds since 1970 (RFC 7519): nothing is lost
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(Timestamp::from_millis(seconds as u64 * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Hand(AtomicU64);

    #[async_trait::async_trait]
    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
        async fn sleep_until(&self, _: Duration) {}
    }

    fn clock() -> Arc<Hand> {
        Arc::new(Hand(AtomicU64::new(1_000_000)))
    }

    async fn now(credential: &Credential) -> String {
        let header = credential.header().await.unwrap_or_else(|e| panic!("{e}"));
        header.to_str().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_token_file_is_read_again_and_its_line_break_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap_or_else(|e| panic!("{e}"));
        let write = |text: &str| std::fs::write(file.path(), text).unwrap_or_else(|e| panic!("{e}"));
        write("one\n");
        let clock = clock();
        let credential = Credential::new(
            Bearer::File(file.path().into()),
            None,
            clock.clone(),
            Redactor::new(b"k"),
        );
        let credential = credential
            .unwrap_or_else(|e| panic!("{e}"))
            .unwrap_or_else(|| panic!("none"));
        assert_eq!(now(&credential).await, "Bearer one");
        write("two\n");
        assert_eq!(now(&credential).await, "Bearer one");
        clock.0.fetch_add(61_000, Ordering::SeqCst);
        assert_eq!(now(&credential).await, "Bearer two");
        // removed once it was read: the last token stays in use
        let path = file.into_temp_path();
        path.close().unwrap_or_else(|e| panic!("{e}"));
        clock.0.fetch_add(61_000, Ordering::SeqCst);
        assert_eq!(now(&credential).await, "Bearer two");
    }

    #[test]
    fn a_missing_or_empty_token_file_is_named() {
        let credential = Credential::new(
            Bearer::File("/nowhere/token".into()),
            None,
            clock(),
            Redactor::new(b"k"),
        );
        assert!(credential.err().unwrap_or_default().contains("/nowhere/token"));
    }

    #[test]
    fn a_jwt_tells_its_end() {
        let claims = URL_SAFE_NO_PAD.encode(br#"{"exp":1700000000,"sub":"x"}"#);
        let end = jwt_end(&format!("e30.{claims}.c2ln"));
        assert_eq!(end, Some(Timestamp::from_millis(1_700_000_000_000)));
        assert_eq!(jwt_end("opaque"), None);
    }
}
