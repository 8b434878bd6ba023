//! What faults do to the disk and to the clock of a machine.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use quorum_runtime::host::{self, Disk};
use quorum_runtime::sim::{Host, Result, Simulation};
use tokio::time::{Instant, sleep};

/// Runs a program on one client under these faults, for each of these seeds, and tells what it told.
fn told<F>(schedule: &str, seeds: u64, program: fn(Host, Told) -> F) -> Vec<String>
where
    F: Future<Output = Result> + 'static,
{
    let told = Told::default();
    for seed in 0..seeds {
        let mut sim = Simulation::new(seed);
        sim.schedule(schedule.parse().unwrap());
        let tells = told.clone();
        sim.clients(1, move |host| program(host, tells.clone()));
        sim.run().unwrap_or_else(|error| panic!("{error}"));
    }
    told.0.take()
}

#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<String>>>);

impl Told {
    fn tell(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

/// What the file `f` holds.
fn held(disk: &Disk) -> io::Result<String> {
    let file = disk.open("f")?;
    let mut bytes = vec![0; usize::try_from(file.len()?).unwrap()];
    file.read_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes and syncs, writes more and does not sync, and waits for what comes. After a restart tells what
/// is left.
async fn writes(host: Host, told: Told) -> Result {
    let disk = Disk::folder("/data")?;
    if host.starts() > 1 {
        told.tell(held(&disk)?);
        return Ok(());
    }
    let file = disk.open("f")?;
    file.write_at(b"sure", 0)?;
    file.sync()?;
    disk.sync()?;
    file.write_at(b"perhaps", 4)?;
    sleep(Duration::from_secs(1)).await;
    Err("nobody killed it".into())
}

#[test]
fn a_crash_keeps_what_was_synced_and_perhaps_more() {
    let told = told("500ms crash c1; 600ms start c1", 40, writes);
    assert!(told.iter().all(|held| held.starts_with("sure")), "{told:?}");
    assert!(told.iter().any(|held| held == "sure"), "{told:?}");
    assert!(told.iter().any(|held| held == "sureperhaps"), "{told:?}");
}

#[test]
fn an_erased_disk_is_empty() {
    assert_eq!(told("500ms erase c1; 600ms start c1", 3, writes), ["", "", ""]);
}

#[test]
fn a_process_is_killed_in_the_middle_of_a_write() {
    let told = told("100ms crash c1 in write; 1s start c1", 20, |host, told| async move {
        let disk = Disk::folder("/data")?;
        if host.starts() > 1 {
            told.tell(held(&disk)?.len().to_string());
            return Ok(());
        }
        let file = disk.open("f")?;
        for offset in 0..1000 {
            sleep(Duration::from_millis(10)).await;
            if file.write_at(&[1; 5000], offset * 5000).is_err() {
                // Nothing that it does now is of any use.
                assert!(file.sync().is_err() && disk.open("g").is_err());
                sleep(Duration::from_secs(100)).await;
            }
        }
        Err("nobody killed it".into())
    });
    assert_eq!(told.len(), 20);
    let torn = |len: &&String| !len.parse::<usize>().unwrap().is_multiple_of(5000);
    assert!(told.iter().any(|len| torn(&len)), "{told:?}");
}

#[test]
fn a_process_is_killed_at_each_operation_in_its_turn() {
    async fn writes(host: Host, told: Told) -> Result {
        let disk = Disk::folder("/data")?;
        if host.starts() > 1 {
            told.tell(format!("{:?} {}", disk.names()?, disk.open("f").and(held(&disk))?));
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
        let done = || -> io::Result<()> {
            let file = disk.open("f")?;
            disk.sync()?;
            file.write_at(b"one", 0)?;
            file.sync()?;
            disk.rename("f", "g")?;
            disk.sync()
        };
        if done().is_err() {
            // Killed at the end of the step.
            std::future::pending::<()>().await;
        }
        told.tell("unharmed");
        Ok(())
    }
    let at = |how: &str, number: u32| {
        told(&format!("100ms crash c1 {how} operation {number}; 1s start c1"), 1, writes).remove(0)
    };
    let before: Vec<_> = (1..=7).map(|number| at("before", number)).collect();
    assert_eq!(before[0], "[] ");
    assert_eq!(before[2], "[\"f\"] ");
    assert_eq!(before[4], "[\"f\"] one");
    assert_eq!(before[6], "unharmed");
    let amid: Vec<_> = (1..=7).map(|number| at("in", number)).collect();
    assert!(amid[4] == "[\"f\"] one" || amid[4] == "[\"g\"] ", "{amid:?}");
    assert_eq!(amid[6], "unharmed");
}

#[test]
fn a_disk_fails_and_is_full_and_works_again() {
    let schedule = "100ms disk c1 fails; 200ms disk c1 works; 300ms disk c1 full; 400ms heal";
    let told = told(schedule, 1, |_, told| async move {
        let file = Disk::folder("/data")?.open("f")?;
        file.write_at(&[1], 0)?;
        for _ in 0..5 {
            let kind = |done: io::Result<()>| done.map_err(|error| error.kind());
            let end = file.len()?;
            let (within, beyond, sync) =
                (file.write_at(&[2], 0), file.write_at(&[1], end), file.sync());
            told.tell(format!("{:?} {:?} {:?}", kind(within), kind(beyond), kind(sync)));
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    });
    let (works, fails) = ("Ok(()) Ok(()) Ok(())", "Err(Other) Err(Other) Err(Other)");
    assert_eq!(told, [works, fails, works, "Ok(()) Err(StorageFull) Ok(())", works]);
}

#[test]
fn work_for_a_slow_disk_takes_simulated_time() {
    let took = |schedule| {
        let told = told(schedule, 1, |_, told| async move {
            sleep(Duration::from_millis(100)).await;
            let begun = Instant::now();
            for _ in 0..20 {
                host::blocking(|| {}).await;
            }
            told.tell(begun.elapsed().as_millis().to_string());
            Ok(())
        });
        told[0].parse::<u64>().unwrap()
    };
    assert!(took("") < 50);
    assert!(took("50ms disk c1 slow 100ms; 100s heal") > 400);
}

#[test]
fn wall_clocks_differ_by_what_was_said() {
    let told = told("100ms ahead c1 5s; 200ms behind c1 3s; 300ms heal", 1, |_, told| async move {
        let begun = host::now();
        for _ in 0..4 {
            sleep(Duration::from_millis(50)).await;
            let since = host::now().duration_since(begun);
            let seconds = since.map_or_else(|e| -e.duration().as_secs_f64(), |s| s.as_secs_f64());
            told.tell(format!("{seconds:.0}"));
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    });
    // A clock that was wrong is not put right by itself.
    assert_eq!(told, ["0", "5", "-3", "-3"]);
}

#[test]
fn the_clock_of_a_simulation_is_its_own() {
    let [one, again, other] = [1, 1, 2].map(|seed| {
        let seen = Rc::new(RefCell::new(None));
        let mut sim = Simulation::new(seed);
        let sees = Rc::clone(&seen);
        sim.clients(1, move |_| {
            sees.replace(Some(host::now()));
            async { Ok(()) }
        });
        sim.run().unwrap();
        seen.take().unwrap()
    });
    assert_eq!(one, again);
    assert!(one != other && one != SystemTime::UNIX_EPOCH);
    assert!(host::now().elapsed().unwrap() < Duration::from_secs(60), "there is none here");
}
