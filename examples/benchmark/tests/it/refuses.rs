//! Bad input: a sentence on standard error, exit code 2, and nothing measured.

use crate::program::{Server, refusal};

#[track_caller]
fn refused(arguments: &str, sentence: &str) {
    let said = refusal(arguments);
    assert!(said.contains(sentence), "`{sentence}` is not in:\n{said}");
}

#[test]
fn numbers_that_mean_nothing() {
    refused("run --nodes 0", "'0' for '--nodes <COUNT>': it must be from 1 to 100");
    refused("run --nodes many", "'many' for '--nodes <COUNT>': it is no number from 1 to 100");
    refused("run --callers 0", "it must be from 1 to 8192");
    refused("run --payload -1", "unexpected argument '-1'");
    refused("run --payload 99999999999", "it must be from 0 to 67108864");
    refused("run --seconds 0", "nothing can be measured in no time");
    refused("run --seconds NaN", "it must be from 0 to 86400 seconds");
    refused("run --seconds soon", "it is no number of seconds");
    refused("compare --nodes 3,0", "it must be from 1 to 100");
    refused("compare --repeats 0", "it must be from 1 to 1000");
    refused("run --calls 0", "it must be from 1 to 1000000000");
    refused("run --calls 9 --seconds 1", "'--calls <COUNT>' cannot be used with");
    refused("run --threads 0", "it must be from 1 to 1024");
    refused("hang --nodes 0", "it must be from 1 to 100");
}

#[test]
fn peers_that_there_are_not() {
    refused("run --peer raft", "[possible values: quorum, unary, tcp, gorums]");
    refused("compare --peers raft", "there is no peer to measure");
    refused("run --peer gorums --quorum all", "gorums is measured with majorities");
    refused("run --peer gorums --calls 9", "leave out --calls and --threads");
    refused("count --peers gorums", "there is no peer to count");
    refused("run --peer gorums --remotes a:1", "gorums has its servers in its own process");
    refused("serve --listen 127.0.0.1:0 --peer gorums", "gorums serves in its own process");
}

#[test]
fn remotes_that_do_not_answer() {
    refused("run --remotes 127.0.0.1:1", "1 of the remotes must answer, 0 do: 127.0.0.1:1: ");
    refused("run --remotes nowhere", "nowhere: invalid socket address");
    refused("run --remotes 127.0.0.1:1 --nodes 3", "cannot be used with");
    let server = Server::start("quorum");
    let one = &server.address;
    refused(&format!("run --remotes {one},127.0.0.1:1"), "2 of the remotes must answer, 1 do");
    refused(&format!("rpc --remotes {one},127.0.0.1:1"), "2 of the remotes must answer, 1 do");
    refused(&format!("run --remotes {one},{one}"), "is used twice");
}

#[test]
fn servers_of_another_peer() {
    let [unary, tcp] = ["unary", "tcp"].map(Server::start);
    let (unary, tcp) = (&unary.address, &tcp.address);
    refused(&format!("run --remotes {unary}"), "not implemented");
    refused(&format!("run --remotes {tcp}"), "can reach no quorum");
    refused(&format!("run --peer unary --remotes {tcp}"), "error: ");
    refused(&format!("run --peer tcp --remotes {unary}"), "the connections to the servers broke");
}

#[test]
fn files_that_can_not_be_written() {
    refused("run --json /nowhere/runs.jsonl", "cannot write /nowhere/runs.jsonl: ");
    refused("hang --json /nowhere/runs.jsonl", "cannot write /nowhere/runs.jsonl: ");
    refused("compare --json /nowhere/runs.jsonl", "cannot write /nowhere/runs.jsonl: ");
    refused("compare --chart /nowhere/chart.svg", "cannot write /nowhere/chart.svg: ");
}

#[test]
fn an_address_that_is_taken() {
    let taken = Server::start("quorum");
    let address = &taken.address;
    refused(&format!("serve --listen {address}"), &format!("cannot listen on {address}: "));
}
