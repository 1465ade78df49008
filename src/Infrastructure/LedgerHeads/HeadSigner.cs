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

    /// <summary>Fields of a day: day, number, heads, root, hash of the day before.</summary>
    public static byte[] DayMessage(DateOnly day, long number, long heads, byte[] root, byte[] previous) =>
        new CanonicalFields().Add(DayForm).Add(day.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture)).Add(number)
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
