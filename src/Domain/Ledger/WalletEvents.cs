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

/// <summary>A wallet's head of a day was signed and put under the day's root: what customers keep outside, to compare later.</summary>
/// <param name="Day">UTC, <c>yyyy-mm-dd</c>: it is over.</param>
/// <param name="DayNumber">Of the signed days, from 1 without gaps.</param>
/// <param name="DayRoot">Hex: over all organizations' heads of that day.</param>
/// <param name="Month">Of the entries under the head, <c>yyyy-mm</c>.</param>
/// <param name="Size">Entries of that month under it.</param>
/// <param name="HeadHash">Hex: of the last of them.</param>
/// <param name="Message">What is signed, byte by byte.</param>
/// <param name="Signature">Hex, Ed25519, by the key <paramref name="KeyId"/>.</param>
[StoredAs("ledger_head_signed")]
public sealed record LedgerHeadSigned(
    Guid OrganizationId,
    string Currency,
    string Day,
    long DayNumber,
    string DayRoot,
    string Month,
    long Size,
    string HeadHash,
    [property: JsonConverter(typeof(MoneyJson))] decimal Balance,
    [property: JsonConverter(typeof(MoneyJson))] decimal Held,
    string KeyId,
    string Message,
    string Signature,
    DateTimeOffset At) : WalletEvent;
