using Bsp.Application.Media;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Media;

/// <summary>There is a file to be fetched, or an object to be removed.</summary>
public sealed class MediaSignal : WorkSignal;

/// <inheritdoc cref="IInboundMedia"/>
public sealed class InboundMedia(Shards shards, IPersonalData personal, MediaSignal signal, TimeProvider clock) : IInboundMedia
{
    public async Task ExpectAsync(Guid organizationId, IReadOnlyList<ExpectedMedia> expected, CancellationToken ct)
    {
        var distinct = expected.DistinctBy(e => e.MessageId).OrderBy(e => e.MessageId).ToList();
        if (distinct.Count == 0)
        {
            return;
        }

        var named = distinct.Where(e => MediaRules.NameOf(e.Filename) is not null).ToList();
        var names = named.Count == 0 ? []
            : await personal.SealAsync(organizationId, [.. named.Select(e => (e.ContactId, MediaRules.NameOf(e.Filename)!))], ct);
        var byMessage = named.Zip(names).ToDictionary(n => n.First.MessageId, n => n.Second);
        Sealed? NameOf(ExpectedMedia e) => byMessage.GetValueOrDefault(e.MessageId);
        var shard = await shards.OfAsync(organizationId, ct);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var made = await transaction.ExecuteAsync("""
            INSERT INTO bsp.media (id, organization_id, source, status, message_id, account_id, contact_id, kind, meta_media_id,
              name_key_id, name_data, created_at, due_at)
            SELECT i, $1, 'message', 'waiting', m, a, c, k, x, nk, nd, $9, $9
              FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::uuid[], $10::text[])
                AS q (i, m, a, c, k, x, nk, nd)
            ON CONFLICT (id) DO NOTHING
            """, ct, organizationId, distinct.ConvertAll(e => ExpectedMedia.IdOf(e.MessageId)).ToArray(),
            distinct.ConvertAll(e => e.MessageId).ToArray(), distinct.ConvertAll(e => e.AccountId).ToArray(),
            distinct.ConvertAll(e => e.ContactId).ToArray(), distinct.ConvertAll(e => e.Kind).ToArray(),
            distinct.ConvertAll(e => e.MetaMediaId).ToArray(), distinct.ConvertAll(e => NameOf(e)?.KeyId).ToArray(),
            clock.GetUtcNow().UtcDateTime, distinct.ConvertAll(e => NameOf(e)?.Data).ToArray());
        await transaction.CommitUnmarkedAsync(ct);
        if (made > 0)
        {
            signal.Raise();
        }
    }
}
