using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>A number as the sender needs it.</summary>
/// <param name="MessagesPerSecondMax">Of all processes together.</param>
/// <param name="MaySend">Connected, its organization is active, and its token can be sent.</param>
public sealed record SendingNumber(Guid AccountId, MetaNumber Meta, int MessagesPerSecondMax, int MessagingLimit, bool MaySend)
{
    /// <summary>
    /// False: there is no token, or one that can be no header. Nothing is called with it; what waits goes on when it is corrected.
    /// </summary>
    public bool HasToken { get; } = GraphText.IsToken(Meta.AccessToken);

    /// <summary>Whose messaging limit it shares: the organization's meta_business_id, else its WABA.</summary>
    public string Portfolio { get; init; } = Meta.WabaId;
}

/// <summary>Numbers with their opened tokens, kept for a few seconds: a send must not cost a query of its own.</summary>
public sealed class SendingNumbers(Shards shards, ISecrets secrets, TimeProvider clock)
{
    /// <summary>A changed token, limit or status is seen at the latest after this long.</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromMilliseconds(900);

    private const long BytesMax = 8 * 1024 * 1024;
    private const int EntryBytes = 512; // without the token

    private readonly BoundedCache<(Guid OrganizationId, Guid AccountId), SendingNumber> cache =
        new("sending_numbers", BytesMax, (_, number) => EntryBytes + (2 * number.Meta.AccessToken.Length), clock);

    /// <summary>What it takes.</summary>
    public IBoundedMemory Memory => cache;

    /// <summary>Null: there is no such account in this organization.</summary>
    public async ValueTask<SendingNumber?> FindAsync(Guid organizationId, Guid accountId, CancellationToken ct)
    {
        if (cache.TryGet((organizationId, accountId), out var known))
        {
            return known;
        }

        var shard = await shards.OfAsync(organizationId, ct);
        var number = await shard.FirstAsync(organizationId, """
            SELECT a.id, a.phone_number_id, a.meta_waba_id, coalesce(a.credentials ->> 'access_token', o.meta_access_token), a.messages_per_second_max, a.messaging_limit, a.status = 'CONNECTED' AND o.status = 'active',
                   bsp.portfolio_of(o.meta_business_id, a.meta_waba_id)
              FROM whatsapp_accounts a JOIN organizations o ON o.id = a.organization_id WHERE a.organization_id = $1 AND a.id = $2
            """,
            r => new SendingNumber(r.GetGuid(0), new(r.GetString(1), r.GetString(2), r.IsDBNull(3) ? "" : secrets.Open(r.GetString(3))),
                r.GetInt32(4), r.GetInt32(5), r.GetBoolean(6)) { Portfolio = r.GetString(7) },
            ct, organizationId, accountId);
        if (number is not null)
        {
            cache.Put((organizationId, accountId), number, Freshness);
        }

        return number;
    }
}
