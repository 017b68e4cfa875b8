//! `payment_*`: what an extrinsic would cost, for clients that do not ask the runtime themselves.
use super::state::call;
use super::{Context, Registered, Registry, Reply, reply};
use crate::error;
use crate::params::{Args, Bytes};
use jsonrpsee::types::ErrorObjectOwned;
use parity_scale_codec::{Decode, Encode};
use quire_core::{Balance, DispatchClass, Weight};
use serde_json::json;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.read(&["payment_queryInfo"], query_info)?;
    registry.read(&["payment_queryFeeDetails"], query_fee_details)
}

#[derive(Decode)]
struct Info {
    weight: Weight,
    class: DispatchClass,
    partial_fee: Balance,
}

#[derive(Decode)]
struct FeeDetails {
    inclusion: Option<InclusionFee>,
}

#[derive(Decode)]
struct InclusionFee {
    base: Balance,
    length: Balance,
    weight: Balance,
}

/// Calls one of the two queries: the extrinsic with its length prefix, then its length.
fn query<T: Decode>(context: &Context, args: &mut Args, method: &str) -> Result<T, ErrorObjectOwned> {
    let Bytes(mut arguments) = args.required("extrinsic")?;
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let length = u32::try_from(arguments.len()).map_err(error::invalid_params)?;
    length.encode_to(&mut arguments);
    let answer = call(&*context.backend, &at, method, &arguments)?;
    T::decode(&mut &answer[..]).map_err(error::internal)
}

fn query_info(context: &Context, args: &mut Args) -> Reply {
    let info: Info = query(context, args, "TransactionPaymentApi_query_info")?;
    let class = match info.class {
        DispatchClass::Normal => "normal",
        DispatchClass::Operational => "operational",
        DispatchClass::Mandatory => "mandatory",
    };
    reply(&json!({
        "weight": { "ref_time": info.weight.ref_time, "proof_size": info.weight.proof_size },
        "class": class,
        "partialFee": info.partial_fee.to_string(),
    }))
}

fn query_fee_details(context: &Context, args: &mut Args) -> Reply {
    let details: FeeDetails = query(context, args, "TransactionPaymentApi_query_fee_details")?;
    let hex = |amount: Balance| format!("{amount:#x}");
    let inclusion = details.inclusion.map(|fee| {
        json!({ "baseFee": hex(fee.base), "lenFee": hex(fee.length), "adjustedWeightFee": hex(fee.weight) })
    });
    reply(&json!({ "inclusionFee": inclusion }))
}
