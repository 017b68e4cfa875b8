"""substrate-interface against a node: maps in pages, receipts up to finality, errors by name, heads, storage, runtime calls.

usage: python interface.py ws://HOST:PORT
"""
import os
import sys
import threading
import time
import traceback

from substrateinterface import Keypair, KeypairType, SubstrateInterface
from substrateinterface.exceptions import StorageFunctionNotFound, SubstrateRequestException

LIMIT_S = 58
UNIT = 10**12
URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9944"
current, failed = "the start", []


def give_up():
    print(f"FAIL interface: {current}: not done after {LIMIT_S} s", flush=True)
    os._exit(1)


def check(what):
    """Runs the function below it as one check; what follows runs in any case."""

    def run(body):
        global current
        current, start = what, time.monotonic()
        try:
            body()
            print(f"ok   interface: {what} ({(time.monotonic() - start) * 1000:.0f} ms)", flush=True)
        except Exception as error:  # every fault of a check is its failure
            failed.append(what)
            where = traceback.extract_tb(error.__traceback__)[1:][:1]
            place = f"line {where[0].lineno}: {where[0].line}" if where else ""
            print(f"FAIL interface: {what}\n     {type(error).__name__}: {error}\n     {place}", flush=True)

    return run


limit = threading.Timer(LIMIT_S, give_up)
limit.daemon = True
limit.start()
node = SubstrateInterface(url=URL, auto_reconnect=False)
ferdie, eve = Keypair.create_from_uri("//Ferdie"), Keypair.create_from_uri("//Eve")
fresh = Keypair.create_from_uri(f"//Fresh{time.time_ns()}")


def transfer(to, value):
    return node.compose_call("Balances", "transfer_keep_alive", {"dest": to, "value": value})


def free(who):
    return node.query("System", "Account", [who]).value["data"]["free"]


def send(call, who, final=False, **options):
    signed = node.create_signed_extrinsic(call, who, **options)
    return node.submit_extrinsic(signed, wait_for_inclusion=not final, wait_for_finalization=final)


@check("connect: chain, node, properties, runtime")
def _():
    assert (node.chain, node.name) == ("Quire Development", "Quire"), (node.chain, node.name)
    assert (node.token_symbol, node.token_decimals, node.ss58_format) == ("QIR", 12, 42)
    assert {"System", "Timestamp", "Balances"} <= {p["name"] for p in node.get_metadata_modules()}
    assert node.get_constant("Balances", "ExistentialDeposit").value > 0
    assert node.get_constant("System", "SS58Prefix").value == node.ss58_format


@check("query_map in pages gives every account once")
def _():
    block = node.get_chain_head()
    whole = {str(key): account.value for key, account in node.query_map("System", "Account", block_hash=block, page_size=100)}
    assert len(whole) >= 6
    for size in (1, 5):
        seen = [str(key) for key, _ in node.query_map("System", "Account", block_hash=block, page_size=size)]
        assert len(seen) == len(set(seen)) and set(seen) == set(whole), f"pages of {size}"
    assert len(list(node.query_map("System", "Account", block_hash=block, page_size=2, max_results=3))) == 3
    issuance = node.query("Balances", "TotalIssuance", block_hash=block).value
    assert sum(a["data"]["free"] + a["data"]["reserved"] for a in whole.values()) == issuance


@check("query_multi: present and absent accounts")
def _():
    keys = [node.create_storage_key("System", "Account", [who.ss58_address]) for who in (ferdie, fresh)]
    (_, known), (_, unknown) = node.query_multi(keys)
    assert known.value["data"]["free"] > UNIT and unknown.value["data"]["free"] == 0
    try:
        node.query("System", "Nothing")
    except StorageFunctionNotFound:
        return
    raise AssertionError("an item that is not there was found")


@check("a transfer to a new account, watched up to finality: receipt, events, fee")
def _():
    call, before = transfer(fresh.ss58_address, UNIT), free(ferdie.ss58_address)
    announced = node.get_payment_info(call, ferdie)["partialFee"]
    receipt = send(call, ferdie, final=True)
    assert receipt.is_success, receipt.error_message
    head = node.get_chain_finalised_head()
    assert node.get_block_number(receipt.block_hash) <= node.get_block_number(head), "final means final"
    assert node.get_block_hash(node.get_block_number(receipt.block_hash)) == receipt.block_hash
    names = [(e.value["module_id"], e.value["event_id"]) for e in receipt.triggered_events]
    assert ("System", "NewAccount") in names and ("Balances", "Transfer") in names and names[-1] == ("System", "ExtrinsicSuccess"), names
    assert abs(receipt.total_fee_amount - announced) < announced // 10, (receipt.total_fee_amount, announced)
    assert before - free(ferdie.ss58_address) == UNIT + receipt.total_fee_amount
    assert free(fresh.ss58_address) == UNIT


@check("failures by name: module errors, other errors, and what a node refuses")
def _():
    receipt = send(transfer(eve.ss58_address, 10**30), ferdie)
    assert not receipt.is_success
    assert (receipt.error_message["type"], receipt.error_message["name"]) == ("Module", "InsufficientBalance"), receipt.error_message
    assert receipt.error_message["docs"], "an error explains itself"
    receipt = send(node.compose_call("System", "set_code", {"code": "0x00"}), ferdie)
    assert not receipt.is_success and receipt.error_message["name"] == "BadOrigin", receipt.error_message
    try:
        send(transfer(eve.ss58_address, 1), ferdie, nonce=0)
    except SubstrateRequestException as error:
        assert error.args[0]["code"] == 1010 and error.args[0]["data"] == "Transaction is outdated", error
        return
    raise AssertionError("an old nonce was taken")


@check("mortal, immortal, with a tip, with a payload over 256 bytes, with ed25519")
def _():
    for options in ({"era": {"period": 64}}, {"era": "00"}, {"tip": 5}, {"era": {"period": 8}, "tip": UNIT}):
        receipt = send(transfer(eve.ss58_address, UNIT), ferdie, **options)
        assert receipt.is_success, (options, receipt.error_message)
    big = node.compose_call("System", "remark_with_event", {"remark": "0x" + "5a" * 400})
    assert send(big, ferdie).is_success
    edwards = Keypair.create_from_seed("0x" + "5a" * 32, crypto_type=KeypairType.ED25519)
    assert send(transfer(edwards.ss58_address, 10 * UNIT), ferdie).is_success
    assert send(transfer(eve.ss58_address, UNIT), edwards).is_success


@check("nonces: of the state, and the next one with what waits in the pool")
def _():
    nonce = node.get_account_nonce(ferdie.ss58_address)
    assert nonce == node.query("System", "Account", [ferdie.ss58_address]).value["nonce"]
    hashes = [node.submit_extrinsic(node.create_signed_extrinsic(transfer(eve.ss58_address, 1), ferdie, nonce=nonce + n)) for n in range(3)]
    assert len({h.extrinsic_hash for h in hashes}) == 3
    assert node.rpc_request("system_accountNextIndex", [ferdie.ss58_address])["result"] == nonce + 3
    assert send(transfer(eve.ss58_address, 1), ferdie, nonce=nonce + 3).is_success


@check("blocks: header, extrinsics, events, one result for each extrinsic")
def _():
    receipt = send(transfer(eve.ss58_address, UNIT), ferdie)
    block = node.get_block(block_hash=receipt.block_hash)
    calls = [(x.value["call"]["call_module"], x.value["call"]["call_function"]) for x in block["extrinsics"]]
    assert calls[0] == ("Timestamp", "set") and ("Balances", "transfer_keep_alive") in calls, calls
    mine = block["extrinsics"][receipt.extrinsic_idx].value
    assert mine["address"] == ferdie.ss58_address and mine["extrinsic_hash"] == receipt.extrinsic_hash
    events = node.get_events(receipt.block_hash)
    for index in range(len(calls)):
        results = [e for e in events if e.value["extrinsic_idx"] == index and e.value["event_id"] in ("ExtrinsicSuccess", "ExtrinsicFailed")]
        assert len(results) == 1, index
    again = node.retrieve_extrinsic_by_identifier(f"{block['header']['number']}-{receipt.extrinsic_idx}")
    assert again.is_success and again.extrinsic.value["nonce"] == mine["nonce"] and again.block_hash == receipt.block_hash


@check("heads, best and final, are told one after the other")
def _():
    for finalized_only in (False, True):
        seen = []

        def head(block, number, _):
            seen.append(block["header"]["number"])
            return seen if number == 2 else None

        node.subscribe_block_headers(head, finalized_only=finalized_only)
        assert seen == list(range(seen[0], seen[0] + 3)), seen


@check("a storage subscription starts with the value and ends when told to")
def _():
    def now(value, number, _):
        return value.value if number == 2 else None

    last = node.query("Timestamp", "Now", subscription_handler=now)
    assert last > 1_600_000_000_000


@check("a multisig account: two of three, both with what the library computes itself")
def _():
    alice, bob = Keypair.create_from_uri("//Alice"), Keypair.create_from_uri("//Bob")
    account = node.generate_multisig_account(signatories=[alice.ss58_address, bob.ss58_address, eve.ss58_address], threshold=2)
    assert send(transfer(account.ss58_address, 10 * UNIT), ferdie).is_success
    target = Keypair.create_from_uri(f"//Paid{time.time_ns()}").ss58_address
    call = transfer(target, UNIT)
    for who in (eve, bob):
        signed = node.create_multisig_extrinsic(call, who, account, era={"period": 64})
        receipt = node.submit_extrinsic(signed, wait_for_inclusion=True)
        assert receipt.is_success, receipt.error_message
    names = [(e.value["module_id"], e.value["event_id"]) for e in receipt.triggered_events]
    assert ("Multisig", "MultisigExecuted") in names, names
    assert free(target) == UNIT and free(account.ss58_address) == 9 * UNIT


@check("runtime calls, and the node's own methods")
def _():
    nonce = node.runtime_call("AccountNonceApi", "account_nonce", [ferdie.ss58_address]).value
    assert nonce == node.get_account_nonce(ferdie.ss58_address)
    version = node.runtime_call("Core", "version").value
    assert version["spec_version"] == node.runtime_version
    assert node.rpc_request("system_health", [])["result"]["isSyncing"] is False
    try:
        node.rpc_request("state_call", ["Nothing_here", "0x"])
    except SubstrateRequestException as error:
        assert error.args[0]["code"] == 4003, error
        return
    raise AssertionError("a runtime function that is not there answered")


node.close()
if failed:
    print(f"interface: {len(failed)} failed: {'; '.join(failed)}")
sys.stdout.flush()
os._exit(1 if failed else 0)
