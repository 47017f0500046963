//! What is left of a browser when it is not needed any more: nothing.

use super::*;

/// What pretends to be one: it has a child, says where it listens, and then does `then`.
async fn start(then: &str) -> Process {
    let script = format!(
        r#"for word; do case $word in --user-data-dir=*) folder=${{word#*=}};; esac; done
        echo what nobody reads
        tail -f "$folder/said.log" &
        printf '1\n/devtools/browser/x\n' > "$folder/DevToolsActivePort"
        {then}"#
    );
    let command = ["sh", "-c", &script, "sh"].map(str::to_owned);
    Process::start(&command, "loa").await.unwrap()
}

/// How many processes have the folder in their command line. One that is dead and not buried has none any more.
fn n_processes(process: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(process)).count()
}

/// Waits until so many are there.
async fn until(folder: &str, n: usize) {
    let reached = async {
        while n_processes(folder) != n {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("they never were so many");
}

#[tokio::test]
async fn a_browser_that_is_ended_takes_its_children_its_folder_and_its_watch_along() {
    let process = start(r#"exec tail -f "$folder/said.log""#).await;
    let folder = process.folder().to_owned();
    let name = folder.to_str().unwrap();
    until(name, 4).await;
    drop(process);
    until(name, 0).await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn so_does_one_that_has_died() {
    let process = start(r#"until [ -e "$folder/end" ]; do :; done; exit 1"#).await;
    let folder = process.folder().to_owned();
    std::fs::write(folder.join("end"), "").unwrap();
    let name = folder.to_str().unwrap();
    while !process.has_ended() {
        tokio::task::yield_now().await;
    }
    until(name, 3).await;
    assert!(folder.join("said.log").exists(), "its last words are kept as long as somebody may ask");
    drop(process);
    until(name, 0).await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn so_does_a_program_that_is_not_there() {
    let keeper = keeper::Keeper::new().unwrap();
    let folder = keeper.folder.clone();
    let name = folder.to_str().unwrap();
    until(name, 2).await;
    let error = keeper.start(std::process::Command::new("no-such-chromium")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "the browser itself is started, and no shell");
    drop(keeper);
    until(name, 0).await;
    assert!(!folder.exists());
}
