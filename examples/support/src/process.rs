//! Servers as processes of their own, which are killed and started again: the program itself, with
//! `serve --listen ADDRESS`, which says `listening on ADDRESS` when it does.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a server may take until it listens. It may have a large store to check.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much of what a server complains about is kept.
const COMPLAINTS: u64 = 16 << 10;

/// A server process, or one that was killed. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    program: PathBuf,
    arguments: Vec<OsString>,
    address: String,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    complaints: JoinHandle<String>,
}

impl Process {
    /// Starts `program serve --listen ADDRESS ARGUMENTS`, and waits until it listens. With port 0 the
    /// system chooses a port, which stays the same when it is started again.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or ends instead of listening: then with what it said.
    pub fn start<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        listen: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Self> {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let address = listen.to_owned();
        let mut process = Self { program: program.into(), arguments, address, running: None };
        process.restart()?;
        Ok(process)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process, if it was started.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.child.id())
    }

    /// Kills it as `kill -9` does, and waits until it is gone. Says what it had complained about.
    pub fn kill(&mut self) -> String {
        let Some(mut running) = self.running.take() else {
            return String::new();
        };
        // Who has ended by himself cannot be killed.
        drop(running.child.kill());
        drop(running.child.wait());
        running.complaints.join().unwrap_or_default()
    }

    /// Whether it runs; it may have ended by itself.
    pub fn is_running(&mut self) -> bool {
        let running = self.running.as_mut();
        running.is_some_and(|running| matches!(running.child.try_wait(), Ok(None)))
    }

    /// Starts it where it was, and waits until it listens. Who still runs is killed first.
    ///
    /// # Errors
    ///
    /// As those of [`start`](Self::start).
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        let mut command = Command::new(&self.program);
        command.args(["serve", "--listen", &self.address]).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (said, complaints) = (child.stdout.take(), child.stderr.take());
        let first_line = first_line(said);
        let complaints = thread::spawn(move || keep(complaints));
        self.running = Some(Running { child, complaints });
        let line = first_line.recv_timeout(PATIENCE).unwrap_or_default();
        match line.trim_end().strip_prefix("listening on ") {
            Some(address) => {
                address.clone_into(&mut self.address);
                Ok(())
            }
            None => Err(io::Error::other(format!("the server does not listen: {}", self.kill()))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Addresses of the loopback interface that nobody listens on now, for servers that must know each
/// other before they are started.
///
/// # Errors
///
/// If there are none.
pub fn free_addresses(count: usize) -> io::Result<Vec<String>> {
    // All are held until all are found, so no two are the same.
    let listeners: io::Result<Vec<_>> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    listeners?.iter().map(|listener| Ok(listener.local_addr()?.to_string())).collect()
}

/// Gets the first line; what comes after it is read and dropped, so that its writer goes on.
fn first_line(said: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let Some(said) = said else { return };
        let mut said = BufReader::new(said);
        let mut line = String::new();
        drop(said.read_line(&mut line));
        drop(sender.send(line));
        drop(io::copy(&mut said, &mut io::sink()));
    });
    receiver
}

fn keep(complaints: Option<impl Read>) -> String {
    let Some(mut complaints) = complaints else { return String::new() };
    let mut kept = Vec::new();
    drop(complaints.by_ref().take(COMPLAINTS).read_to_end(&mut kept));
    drop(io::copy(&mut complaints, &mut io::sink()));
    String::from_utf8_lossy(&kept).trim_end().to_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A program that does what the script says.
    fn program(script: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_server_is_killed_and_comes_back_where_it_was() {
        let script = r#"echo "$3" >&2; echo "listening on 127.0.0.1:$4"; exec sleep 100"#;
        let (_folder, program) = program(script);
        let mut process = Process::start(program, "127.0.0.1:0", ["7"]).unwrap();
        assert_eq!(process.address(), "127.0.0.1:7");
        assert!(process.is_running());
        assert_eq!(process.kill(), "127.0.0.1:0");
        assert!(!process.is_running());
        process.restart().unwrap();
        assert_eq!(process.kill(), "127.0.0.1:7");
    }

    #[test]
    fn who_does_not_listen_is_quoted() {
        let (_folder, program) = program("echo 'no disk' >&2; exit 1");
        let error = Process::start(program, "127.0.0.1:0", [""]).unwrap_err();
        assert_eq!(error.to_string(), "the server does not listen: no disk");
    }

    #[test]
    fn free_addresses_differ() {
        let mut addresses = free_addresses(5).unwrap();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 5);
    }
}
