//! A shell at which commands are typed as a person types them: on a machine of its own, as far as network, processes and home go.

use dreamops_tests::program;
use dreamops_tests::serving::{share_artefacts, until};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tempfile::TempDir;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// Comes after what a command prints, with its exit code.
const ENDED: &str = "the command ended with";

/// The shell. What was started in it ends with it.
pub(crate) struct Shell {
    child: Child,
    input: ChildStdin,
    printed: mpsc::Receiver<String>,
    said: Arc<Mutex<String>>,
    home: TempDir,
}

impl Shell {
    /// A new one in a home that is empty but for compiled components, with the program in its path.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true).mode(0o700);
        for name in ["bin", ".local/share/dreamops"] {
            folder.create(home.path().join(name)).unwrap();
        }
        symlink(program(), home.path().join("bin/dreamops")).unwrap();
        share_artefacts(&home.path().join(".local/share/dreamops"));
        let mut child = Command::new("unshare")
            .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["bash", "-c", "ip link set lo up && exec bash"])
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env(
                "PATH",
                format!("{}/bin:/usr/bin:/bin:/usr/sbin:/sbin", home.path().display()),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, printed) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| {
                // nobody listens any more once the test is over
                let _heard = tell.send(line);
            });
        });
        let said = Arc::new(Mutex::new(String::new()));
        let (mut stderr, words) = (child.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                words
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        let input = child.stdin.take().unwrap();
        Self {
            child,
            input,
            printed,
            said,
            home,
        }
    }

    /// Where it is.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Everything on standard error until now.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Types a command, and does not wait for it.
    pub(crate) fn begin(&mut self, command: &str) {
        writeln!(self.input, "{command}").unwrap();
    }

    /// Types a command; what it prints, once it has ended well.
    pub(crate) fn run(&mut self, command: &str) -> String {
        self.begin(command);
        self.begin(&format!("echo; echo {ENDED} $?"));
        let mut output = Vec::new();
        loop {
            let line = self.next_line(command);
            if let Some(code) = line.strip_prefix(ENDED) {
                assert_eq!(code.trim(), "0", "{command}: {output:?} {}", self.said());
                return output.join("\n");
            }
            output.push(line);
        }
    }

    /// The next line that is printed.
    pub(crate) fn next_line(&self, command: &str) -> String {
        let line = self.printed.recv_timeout(PATIENCE);
        line.unwrap_or_else(|_| panic!("{command} prints nothing more: {}", self.said()))
    }

    /// Waits for a line on standard error that holds `words`, and gives it.
    pub(crate) fn hear(&self, words: &str) -> String {
        let line = until(PATIENCE, || {
            let said = self.said();
            // what has no end yet may not be whole
            let whole = said.rfind('\n').map_or("", |end| &said[..end]);
            whole.lines().find(|line| line.contains(words)).map(str::to_owned)
        });
        line.unwrap_or_else(|| panic!("nothing says {words:?}: {}", self.said()))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
