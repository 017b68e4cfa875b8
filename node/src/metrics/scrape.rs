//! Reads everything that is measured, at one moment, and writes the page.
use super::text::{Kind, Page, seconds};
use super::{BOUNDS_US, BlockEnd, Times};
use crate::service::Inner;
use quire_rpc::metrics::{CALL_BUCKETS_US, Drop, RpcMetrics, SESSION_BUCKETS_S};
use std::sync::PoisonError;

use Kind::{Counter, Gauge, Histogram};

/// Bits of `substrate_node_roles`.
const FULL: u8 = 1;
const AUTHORITY: u8 = 4;

/// The page about a node.
pub(crate) fn page(node: &Inner, chain: &str, rpc: Option<&RpcMetrics>) -> String {
    let mut page = Page::new(chain);
    process(&mut page, node);
    blocks(&mut page, node);
    pool(&mut page, node);
    proposer(&mut page, node);
    finality(&mut page, node);
    peers(&mut page, node);
    store(&mut page, node);
    threads(&mut page, node);
    offchain(&mut page, node);
    if let Some(rpc) = rpc {
        calls(&mut page, rpc);
        sessions(&mut page, rpc);
    }
    page.finish()
}

fn process(page: &mut Page, node: &Inner) {
    let system = node.system();
    let roles = if system.is_authority { AUTHORITY } else { FULL };
    page.one("substrate_node_roles", Gauge, "The roles the node is running as: 1 full, 4 authority.", roles);
    page.family(
        "substrate_build_info",
        Gauge,
        "A metric with a constant 1 value, labelled by name and version.",
    )
    .series(&[("name", node.name()), ("version", &system.version)], 1);
    let until = node.metrics.certificate_until_s.get();
    if until > 0 {
        let left = until.saturating_sub(crate::clock::now_ms() / 1_000);
        let help = "Seconds until the node's own certificate ends; 0 when it has.";
        page.one("quire_certificate_seconds_left", Gauge, help, left);
    }
    let start = node.metrics.start_s.get();
    let help = "Number of seconds between the UNIX epoch and the moment the process started.";
    page.one("substrate_process_start_time_seconds", Gauge, help, start);
}

fn blocks(page: &mut Page, node: &Inner) {
    let (best, finalised) = (node.chain.best().number, node.chain.finalised().number);
    page.family("substrate_block_height", Gauge, "Block height info of the chain.")
        .series(&[("status", "best")], best)
        .series(&[("status", "finalized")], finalised)
        .series(&[("status", "sync_target")], node.sync_target());
    let waiting = node.chain.unfinalised();
    page.one("substrate_number_leaves", Gauge, "Number of known chain leaves (aka forks).", waiting.leaves);
    let help = "State cache size in bytes: changes of unfinalised blocks.";
    page.one("substrate_state_cache_bytes", Gauge, help, waiting.bytes);
    page.one(
        "quire_unfinalised_blocks",
        Gauge,
        "Blocks that wait for finality, forks included.",
        waiting.blocks,
    );
    let metrics = &node.metrics;
    let name = "substrate_block_verification_and_import_time";
    times(page, name, "Time taken to import blocks, own ones included, in seconds.", &metrics.imported);
    let done: u64 = metrics.imported.buckets.iter().map(super::Counter::get).sum();
    page.family(
        "substrate_import_queue_processed_total",
        Counter,
        "Blocks imported, own ones included, by result.",
    )
    .series(&[("result", "success")], done)
    .series(&[("result", "failure")], metrics.import_failures.get());
}

fn pool(page: &mut Page, node: &Inner) {
    let (sizes, counts) = (node.pool.sizes(), node.pool.metrics());
    let name = "substrate_ready_transactions_number";
    page.one(name, Gauge, "Number of transactions in the ready queue.", sizes.ready);
    let name = "substrate_sub_txpool_submitted_transactions";
    page.one(name, Counter, "Total number of transactions submitted.", counts.submitted.get());
    let name = "substrate_sub_txpool_validations_scheduled";
    page.one(name, Counter, "Total number of transactions scheduled for validation.", counts.scheduled.get());
    let name = "substrate_sub_txpool_validations_finished";
    page.one(name, Counter, "Total number of transactions that finished validation.", counts.finished.get());
    let name = "substrate_sub_txpool_validations_invalid";
    page.one(
        name,
        Counter,
        "Total number of transactions that were removed as invalid.",
        counts.invalid.get(),
    );
    page.family("quire_pool_transactions", Gauge, "Transactions in the pool by state.")
        .series(&[("state", "ready")], sizes.ready)
        .series(&[("state", "future")], sizes.future)
        .series(&[("state", "validating")], sizes.validating);
    page.family("quire_pool_bytes", Gauge, "Bytes of the transactions in the pool by state.")
        .series(&[("state", "ready")], sizes.ready_bytes)
        .series(&[("state", "future")], sizes.future_bytes);
    page.one("quire_pool_watched", Gauge, "Transactions whose status somebody follows.", sizes.watched);
    page.one(
        "quire_pool_promotions_total",
        Counter,
        "How often a transaction became ready.",
        node.pool.promotions(),
    );
    let (remembered, verified) = node.signature_checks();
    page.family(
        "quire_signature_checks_total",
        Counter,
        "Signatures checked: remembered from before, or verified.",
    )
    .series(&[("result", "remembered")], remembered)
    .series(&[("result", "verified")], verified);
}

fn proposer(page: &mut Page, node: &Inner) {
    let metrics = &node.metrics;
    let help = "Histogram of time taken to construct new block.";
    times(page, "substrate_proposer_block_constructed", help, &metrics.constructed);
    let name = "substrate_proposer_number_of_transactions";
    page.one(name, Gauge, "Number of transactions included in the last block.", metrics.transactions.get());
    let help = "The reason why the block proposing was ended.";
    let family = page.family("substrate_proposer_end_proposal_reason", Counter, help);
    for end in BlockEnd::ALL {
        family.series(&[("reason", end.label())], metrics.ends[end as usize].get());
    }
}

fn finality(page: &mut Page, node: &Inner) {
    let help = "Highest completed GRANDPA round.";
    page.one("substrate_finality_grandpa_round", Gauge, help, node.finality_round());
    let name = "substrate_finality_grandpa_prevotes_total";
    let help = "Total number of GRANDPA prevotes cast locally.";
    page.one(name, Counter, help, node.metrics.prevotes.get());
    let name = "substrate_finality_grandpa_precommits_total";
    let help = "Total number of GRANDPA precommits cast locally.";
    page.one(name, Counter, help, node.metrics.precommits.get());
    let help = "Authorities that were found to sign twice, by what they signed.";
    page.family("quire_equivocations_total", Counter, help)
        .series(&[("what", "seal")], node.metrics.seal_equivocations.get())
        .series(&[("what", "vote")], node.metrics.vote_equivocations.get());
}

fn peers(page: &mut Page, node: &Inner) {
    let peers = node.peers();
    page.one("substrate_sub_libp2p_peers_count", Gauge, "Number of connected peers.", peers);
    page.one("substrate_sync_peers", Gauge, "Number of peers we sync with.", peers);
    let (is_syncing, queued) = {
        let state = node.view.lock();
        (u8::from(state.is_syncing), state.queued)
    };
    let help = "Whether the node is performing a major sync or not.";
    page.one("substrate_sub_libp2p_is_major_syncing", Gauge, help, is_syncing);
    page.one("substrate_sync_queued_blocks", Gauge, "Number of blocks in import queue.", queued);
    if let Some(network) = node.network() {
        traffic(page, &network.metrics());
        let overlay = network.connectivity();
        let help = "Vertex-disjoint paths between the two worst connected nodes known.";
        page.one("quire_overlay_connectivity", Gauge, help, overlay.paths);
        page.one("quire_overlay_nodes", Gauge, "Nodes of the overlay that are known.", overlay.nodes);
    }
}

fn traffic(page: &mut Page, counts: &quire_network::Metrics) {
    page.family("substrate_sub_libp2p_network_bytes_total", Counter, "Total bandwidth usage, payloads.")
        .series(&[("direction", "in")], counts.bytes_in)
        .series(&[("direction", "out")], counts.bytes_out);
    let help = "Total number of libp2p connections opened by direction.";
    page.family("substrate_sub_libp2p_connections_opened_total", Counter, help)
        .series(&[("direction", "in")], counts.connections_opened_in)
        .series(&[("direction", "out")], counts.connections_opened_out);
    let help = "Total number of libp2p connections closed.";
    page.one("substrate_sub_libp2p_connections_closed_total", Counter, help, counts.connections_closed);
    page.one("quire_network_bans_total", Counter, "Peers that were banned.", counts.bans);
    let direction = |is_inbound| if is_inbound { "in" } else { "out" };
    let help = "Notifications by protocol and direction.";
    let family = page.family("quire_network_notifications_total", Counter, help);
    for (channel, is_inbound, count, _) in &counts.notifications {
        family.series(&[("protocol", channel.name()), ("direction", direction(*is_inbound))], count);
    }
    let family = page.family(
        "quire_network_notification_bytes_total",
        Counter,
        "Their bytes by protocol and direction.",
    );
    for (channel, is_inbound, _, bytes) in &counts.notifications {
        family.series(&[("protocol", channel.name()), ("direction", direction(*is_inbound))], bytes);
    }
    for (is_in, is_good, name) in [
        (true, true, "substrate_sub_libp2p_requests_in_success_total"),
        (true, false, "substrate_sub_libp2p_requests_in_failure_total"),
        (false, true, "substrate_sub_libp2p_requests_out_success_total"),
        (false, false, "substrate_sub_libp2p_requests_out_failure_total"),
    ] {
        let family = page.family(name, Counter, "Requests by protocol, direction and outcome.");
        for (method, is_inbound, good, bad) in &counts.requests {
            if *is_inbound == is_in {
                family.series(&[("protocol", method.name())], if is_good { good } else { bad });
            }
        }
    }
}

fn store(page: &mut Page, node: &Inner) {
    let sizes = node.store_sizes();
    page.one(
        "substrate_database_cache_bytes",
        Gauge,
        "RAM cache of database rows, in bytes.",
        sizes.cache_bytes,
    );
    let help = "Commits that are durable in the redo log and wait for the database.";
    page.one("quire_store_waiting_commits", Gauge, help, sizes.waiting_commits);
    page.one("quire_store_waiting_rows", Gauge, "Rows of those commits.", sizes.waiting_rows);
}

fn threads(page: &mut Page, node: &Inner) {
    let metrics = &node.metrics;
    let threads = metrics.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let family = page.family(
        "substrate_tasks_spawned_total",
        Counter,
        "Total number of tasks that have been spawned.",
    );
    for (name, counts) in &threads {
        family
            .series(&[("task_name", name), ("task_group", "default"), ("kind", "blocking")], counts.spawned);
    }
    let help = "Total number of tasks that have ended.";
    let family = page.family("substrate_tasks_ended_total", Counter, help);
    for (name, counts) in &threads {
        let labels = [
            ("task_name", name.as_str()),
            ("reason", "finished"),
            ("task_group", "default"),
            ("kind", "blocking"),
        ];
        family.series(&labels, counts.ended);
    }
    let (started, stopped) = (metrics.tokio_threads_started.get(), metrics.tokio_threads_stopped.get());
    page.one("substrate_tokio_threads_total", Counter, "Total number of threads created.", started);
    let alive = started.saturating_sub(stopped);
    page.one("substrate_tokio_threads_alive", Gauge, "Number of threads alive right now.", alive);
}

fn offchain(page: &mut Page, node: &Inner) {
    let jobs = node.metrics.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let family = page.family("quire_offchain_jobs_total", Counter, "Pieces of off-chain work done, by kind.");
    for (what, jobs) in &jobs {
        family.series(&[("work", what)], jobs.done);
    }
    let help = "Time that off-chain work took, by kind, in seconds.";
    let family = page.family("quire_offchain_job_seconds_total", Counter, help);
    for (what, jobs) in &jobs {
        family.series(&[("work", what)], seconds(jobs.us));
    }
}

fn calls(page: &mut Page, rpc: &RpcMetrics) {
    let help = "Number of received RPC calls (unique un-batched requests)";
    let family = page.family("substrate_rpc_calls_started", Counter, help);
    for (protocol, method, counts) in rpc.calls() {
        family.series(&[("protocol", protocol.label()), ("method", method)], counts.started());
    }
    let help = "Number of processed RPC calls (unique un-batched requests)";
    let family = page.family("substrate_rpc_calls_finished", Counter, help);
    for (protocol, method, counts) in rpc.calls() {
        let labels = [("protocol", protocol.label()), ("method", method)];
        for (is_error, count) in [("false", counts.succeeded()), ("true", counts.failed())] {
            family.series(&[labels[0], labels[1], ("is_error", is_error)], count);
        }
    }
    let bounds = CALL_BUCKETS_US.map(|bound| bound.to_string());
    let family = page.family("substrate_rpc_calls_time", Histogram, "Total time [μs] of processed RPC calls");
    for (protocol, method, counts) in rpc.calls() {
        let view = counts.time_us();
        let labels = [("protocol", protocol.label()), ("method", method)];
        family.histogram(&labels, &bounds, &view.buckets, view.sum);
    }
}

fn sessions(page: &mut Page, rpc: &RpcMetrics) {
    let help = "Number of persistent RPC sessions opened";
    page.one("substrate_rpc_sessions_opened", Counter, help, rpc.sessions_opened());
    let help = "Number of persistent RPC sessions closed";
    page.one("substrate_rpc_sessions_closed", Counter, help, rpc.sessions_closed());
    let (view, bounds) = (rpc.session_s(), SESSION_BUCKETS_S.map(|bound| bound.to_string()));
    page.family("substrate_rpc_sessions_time", Histogram, "Total time [s] for each websocket session")
        .histogram(&[], &bounds, &view.buckets, view.sum);
    page.one("quire_rpc_connections", Gauge, "Open RPC connections, HTTP and WebSocket.", rpc.connections());
    let help = "RPC connections refused or closed by the node, by reason.";
    let family = page.family("quire_rpc_drops_total", Counter, help);
    for reason in Drop::ALL {
        family.series(&[("reason", reason.label())], rpc.drops(reason));
    }
}

fn times(page: &mut Page, name: &'static str, help: &str, times: &Times) {
    let buckets: Vec<u64> = times.buckets.iter().map(super::Counter::get).collect();
    let bounds = BOUNDS_US.map(seconds);
    page.family(name, Histogram, help).histogram(&[], &bounds, &buckets, seconds(times.sum_us.get()));
}
