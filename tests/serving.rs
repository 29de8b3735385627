//! The program as a server: started, asked, killed and started again.

use crate::program;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The administrator of the default tenant.
pub const ADMIN: &str = "an-administrator-of-the-tests";
/// What `PagerDuty` signs with on the route without a source.
pub const PAGERDUTY_SECRET: &str = "only-for-tests-of-signatures";
/// How long a start, and an answer, may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// The body as JSON; null where it is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

/// The place of a server: its folders, its settings, and the server in it while one runs.
pub struct Serving {
    folder: TempDir,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    listen: String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Serving {
    /// A place with a configuration file; nothing runs in it yet.
    ///
    /// # Panics
    /// Where the folder cannot be made.
    pub fn new(configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("dreamops.toml"), configuration).expect("the folder can be written to");
        let data = folder.path().join("data");
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&data)
            .expect("the folder can be written to");
        share_artefacts(&data);
        Self {
            folder,
            environment: Vec::new(),
            arguments: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
            running: None,
        }
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Adds a flag of `serve`.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.arguments.push(flag.to_owned());
        self
    }

    /// Listens on an address of the test's choice, so that it is the same after another start.
    #[must_use]
    pub fn listening_on(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// The folder with the configuration, and `data` in it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program with this place's folders and settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DREAMOPS_CONFIG", self.folder().join("dreamops.toml"))
            .env("DREAMOPS_DATA_DIR", self.folder().join("data"))
            .env("DREAMOPS_ADMIN_TOKEN", ADMIN)
            .env("PAGERDUTY_WEBHOOK_SECRETS", PAGERDUTY_SECRET)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the server and waits until it listens.
    ///
    /// # Panics
    /// Where it ends before, or takes too long; with what it said.
    pub fn start(&mut self) {
        if let Err(told) = self.try_start() {
            panic!("the server does not start: {told}");
        }
    }

    /// Starts the server and waits until it listens.
    ///
    /// # Errors
    /// What it said, where it ends before or takes too long.
    pub fn try_start(&mut self) -> Result<(), String> {
        let mut command = self.command(&["serve", "--listen", &self.listen]);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let stderr = child.stderr.take().ok_or("its words are not piped")?;
        let (log, listening) = listen(stderr);
        let said = |log: &Mutex<Vec<String>>| log.lock().map(|lines| lines.join("\n")).unwrap_or_default();
        if let Ok(address) = listening.recv_timeout(PATIENCE) {
            self.running = Some(Running { child, address, log });
            return Ok(());
        }
        let _gone = child.kill();
        let _ended = child.wait();
        Err(said(&log))
    }

    /// Where it listens; empty while none runs.
    pub fn address(&self) -> String {
        self.running.as_ref().map(|r| r.address.clone()).unwrap_or_default()
    }

    /// The process, while one runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|r| r.child.id())
    }

    /// What it has said since it was started last.
    pub fn said(&self) -> String {
        let log = self.running.as_ref().map(|r| Arc::clone(&r.log));
        log.and_then(|log| log.lock().map(|lines| lines.join("\n")).ok())
            .unwrap_or_default()
    }

    /// Ends it as nothing can be prepared for.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _gone = running.child.kill();
            let _ended = running.child.wait();
        }
    }

    /// Asks it to end, and waits; its exit code.
    ///
    /// # Panics
    /// Where it does not end in time.
    pub fn stop(&mut self) -> Option<i32> {
        let mut running = self.running.take()?;
        let _asked = Command::new("kill")
            .args(["-TERM", &running.child.id().to_string()])
            .status();
        let ended = until(PATIENCE, || running.child.try_wait().ok().flatten());
        assert!(ended.is_some(), "the server does not stop");
        ended.and_then(|status| status.code())
    }

    /// Asks as the administrator.
    ///
    /// # Panics
    /// Where there is no answer.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.address(), method, path, Some(ADMIN), body).expect("the server answers")
    }

    /// As [`Serving::ask`], to read.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Collects what a server says, and tells when it listens.
fn listen(stderr: ChildStderr) -> (Arc<Mutex<Vec<String>>>, mpsc::Receiver<String>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (tell, listening) = mpsc::channel();
    let lines = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("listening on ") {
                let _heard = tell.send(address.trim().to_owned());
            }
            if let Ok(mut lines) = lines.lock() {
                lines.push(line);
            }
        }
    });
    (log, listening)
}

/// Sends a request; a body that is null is none. `None` where there was no whole answer.
pub fn ask(address: &str, method: &str, path: &str, token: Option<&str>, body: &Value) -> Option<Answer> {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = authorization
        .iter()
        .map(|value| ("Authorization", value.as_str()))
        .collect();
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    send(address, method, path, &headers, &body)
}

/// Posts a signed webhook of `PagerDuty`'s under a delivery's id.
pub fn pagerduty(address: &str, id: &str, body: &Value) -> Option<Answer> {
    let body = body.to_string();
    let signature = signature(PAGERDUTY_SECRET, body.as_bytes());
    let headers = [("X-PagerDuty-Signature", signature.as_str()), ("X-Webhook-Id", id)];
    send(address, "POST", "/api/v1/webhooks/pagerduty", &headers, body.as_bytes())
}

/// The signature of a body, as the header has it.
///
/// # Panics
/// Never: a key may have any length.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    format!("v1={}", hex::encode(mac.chain_update(body).finalize().into_bytes()))
}

/// Sends a request as it is given; a body is said to be JSON where no header says otherwise.
pub fn send(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into();
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{address}{path}"));
    let typed = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !body.is_empty() && !typed {
        request = request.header("Content-Type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body.to_vec()).ok()?).ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    Some(Answer {
        code: response.status().as_u16(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    })
}

/// What `look` finds, asked again and again until it finds something or the time is over.
#[allow(clippy::disallowed_methods, reason = "a test of a real program waits in real time")]
pub fn until<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// Lets all data directories share compiled components: each would compile them anew.
///
/// # Panics
/// Where the folder for them cannot be made.
pub fn share_artefacts(data: &Path) {
    let shared = std::env::temp_dir().join("dreamops-e2e-artefacts");
    let mut folder = std::fs::DirBuilder::new();
    folder
        .recursive(true)
        .mode(0o700)
        .create(&shared)
        .expect("the folder can be made");
    std::os::unix::fs::symlink(shared, data.join("artefacts")).expect("the link can be made");
}
