using System.Text.Json.Serialization;
using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>What is to be known of a wallet beside its chain: the stream <c>wallet/{organization}/{currency}</c>.</summary>
public abstract record WalletEvent;

/// <summary>The balance fell below the organization's threshold (<c>settings.low_balance</c>): once until it was back.</summary>
/// <param name="Balance">After the entries of that moment; may be negative.</param>
/// <param name="Threshold">As it was then.</param>
[StoredAs("wallet_low")]
public sealed record WalletLow(
    Guid OrganizationId,
    string Currency,
    [property: JsonConverter(typeof(MoneyJson))] decimal Balance,
    [property: JsonConverter(typeof(MoneyJson))] decimal Threshold,
    DateTimeOffset At) : WalletEvent;
