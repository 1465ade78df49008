using System.Globalization;
using System.Text;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>
/// Signs heads of ledgers with the key that signs the log's (docs/decisions/0210): it is derived from the master key and lies in no
/// database. What is signed begins with the form's name, so
/// that no signature of the one can be shown as one of the other.
/// </summary>
public sealed class HeadSigner(LogSigner signer)
{
    /// <summary>First field of a head.</summary>
    public const string HeadForm = "bsp.head.1";

    /// <summary>First field of a day's root over all heads.</summary>
    public const string DayForm = "bsp.heads_day.1";

    [Application.Common.Bounded("one a shard")]
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> introduced = new();

    /// <param name="headHash">Hex.</param>
    /// <param name="root">Hex.</param>
    public SignedLedgerHead Sign(Guid organizationId, string currency, string month, long size, string headHash, string root,
        decimal balance, decimal held, DateTimeOffset at)
    {
        var time = LedgerTime.Cut(at);
        var message = Message(organizationId, currency, month, size, headHash, root, balance, held, time);
        var signed = signer.Sign(message);
        return new(organizationId, currency, month, size, headHash, root, balance, held, time, signed.KeyId,
            Encoding.UTF8.GetString(message), Convert.ToHexStringLower(signed.Signature));
    }

    /// <summary>Fields of a head: organization, currency, month, size, hash of the last entry, root, balance, held, time.</summary>
    public static byte[] Message(Guid organizationId, string currency, string month, long size, string headHash, string root,
        decimal balance, decimal held, DateTimeOffset at) =>
        new CanonicalFields().Add(HeadForm).Add(organizationId.ToString()).Add(currency).Add(month).Add(size).Add(headHash).Add(root)
            .Add(Money.Text(balance)).Add(Money.Text(held))
            .Add(LedgerTime.Text(at)).Written.ToArray();

    /// <summary>What a head's message says; null: it is none.</summary>
    internal static HeadFields? Read(string message) => Fields(message) is [HeadForm, var of, var currency, var month, var size, var hash,
        var root, var balance, var held, var at]
        && Guid.TryParseExact(of, "D", out var organization) 
        && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
        && Money.TryParseSigned(balance, out var amount) && Money.TryParseSigned(held, out var aside)
        && DateTimeOffset.TryParse(at, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out var time)
        ? new(organization, currency, month, n, hash, root, amount, aside, time) : null;

    // Fields as length:value, one after the other; empty: it is no such row.
    private static List<string> Fields(string message)
    {
        var (fields, bytes) = (new List<string>(), Encoding.UTF8.GetBytes(message));
        for (var at = 0; at < bytes.Length;)
        {
            var colon = Array.IndexOf(bytes, (byte)':', at);
            if (colon < 0 || !int.TryParse(bytes.AsSpan(at, colon - at), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                || length > bytes.Length - colon - 2)
            {
                return [];
            }

            fields.Add(Encoding.UTF8.GetString(bytes, colon + 1, length));
            at = colon + 1 + length + 1;
        }

        return fields;
    }

    /// <summary>Fields of a day: day, number, heads, root, hash of the day before.</summary>
    public static byte[] DayMessage(DateOnly day, long number, long heads, byte[] root, byte[] previous) =>
        new CanonicalFields().Add(DayForm).Add(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)).Add(number)
            .Add(heads)
            .Add(Convert.ToHexStringLower(root)).Add(Convert.ToHexStringLower(previous)).Written.ToArray();

    internal Signed Sign(byte[] message) => signer.Sign(message);

    /// <summary>The key is put down on the shard before the first head that it signs is given away, so that the next key can vouch for
    /// it. Asked of the database once.</summary>
    public async Task IntroduceAsync(Shard shard, CancellationToken ct)
    {
        if (introduced.ContainsKey(shard.Name))
        {
            return;
        }

        await using var connection = await shard.App.OpenConnectionAsync(ct);
        await LogKeys.IntroduceAsync(connection, signer, ct);
        introduced[shard.Name] = true;
    }
}

/// <summary>A head as its message says it.</summary>
internal sealed record HeadFields(Guid OrganizationId, string Currency, string Month, long Size, string HeadHash, string Root,
    decimal Balance, decimal Held, DateTimeOffset At);
