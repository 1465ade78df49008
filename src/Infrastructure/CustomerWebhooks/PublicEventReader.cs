using System.Security.Cryptography;
using System.Text.Json;
using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Application.Privacy;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <inheritdoc cref="IPublicEvents"/>
public sealed class PublicEventReader(Shards shards, IPersonalData personal) : IPublicEvents
{
    // A payload is not for moving files: what is larger is read where it lies.
    private const int ContentBytesMax = 64 * 1024;

    public async Task<IReadOnlyList<PublicEvent>> OfAsync(Guid organizationId, IReadOnlyList<StoredEvent> facts, CancellationToken ct)
    {
        var told = facts.Select(PublicEvents.Of).OfType<PublicEvent>().ToList();
        var people = told.Where(HoldsPersonalData).Select(e => e.ContactId!.Value).Distinct().ToArray();
        if (people.Length == 0)
        {
            return told;
        }

        // Asked of the table, not of a memory of keys: whoever is erased is erased from the next delivery on.
        var erased = await ErasedAsync(organizationId, people, ct);
        var sealedOnes = told.Where(e => e.Stored.Body is MessageReceived && !erased.Contains(e.ContactId!.Value)).ToList();
        var opened = await OpenedAsync(organizationId, sealedOnes.ConvertAll(e => ((MessageReceived)e.Stored.Body!).Content), ct);
        var contents = sealedOnes.Select((e, i) => (e.Stored.Sequence, Text: opened[i])).ToDictionary(c => c.Sequence, c => c.Text);
        return told.ConvertAll(e => !HoldsPersonalData(e) ? e
            : e with { Data = Filled(e, contents.GetValueOrDefault(e.Stored.Sequence), erased.Contains(e.ContactId!.Value)) });
    }

    // Null: its key is gone. What cannot be opened or read is empty, and its neighbours are not.
    private async Task<IReadOnlyList<string?>> OpenedAsync(Guid organizationId, List<Domain.Common.Sealed> contents, CancellationToken ct)
    {
        try
        {
            return contents.Count == 0 ? [] : await personal.OpenAsync(organizationId, contents, ct);
        }
        catch (Exception damaged) when (damaged is CryptographicException or FormatException)
        {
            if (contents.Count == 1)
            {
                return [""];
            }

            var opened = new List<string?>(contents.Count);
            foreach (var one in contents)
            {
                opened.AddRange(await OpenedAsync(organizationId, [one], ct));
            }

            return opened;
        }
    }

    private static JsonElement? Read(string content)
    {
        try
        {
            return content.Length is 0 or > ContentBytesMax ? null : JsonSerializer.Deserialize<JsonElement>(content);
        }
        catch (JsonException)
        {
            return null; // damaged: it is shown as it is by /v1/events
        }
    }

    /// <summary>Accounts of campaigns and templates whose events do not name them, for filters.</summary>
    internal async Task<IReadOnlyDictionary<Guid, Guid>> AccountsAsync(Guid organizationId, IReadOnlyList<PublicEvent> events,
        CancellationToken ct)
    {
        var ids = events.Where(e => e.AccountId is null && e.Data is CampaignData or TemplateData).Select(e => e.Key).Distinct().ToArray();
        if (ids.Length == 0)
        {
            return new Dictionary<Guid, Guid>();
        }

        var shard = await shards.OfAsync(organizationId, ct);
        return (await shard.QueryAsync(organizationId, """
            SELECT i.id, a.account_id FROM unnest($1::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT c.account_id FROM campaigns c WHERE c.id = i.id UNION ALL SELECT t.account_id FROM templates t WHERE t.id = i.id OFFSET 0) a
            """, r => (Id: r.GetGuid(0), Account: r.GetGuid(1)), ct, ids)).DistinctBy(a => a.Id).ToDictionary(a => a.Id, a => a.Account);
    }

    private async Task<HashSet<Guid>> ErasedAsync(Guid organizationId, Guid[] people, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return [.. await shard.QueryAsync(organizationId, """
            SELECT i.id FROM unnest($2::uuid[]) AS i (id) WHERE EXISTS (SELECT 1 FROM bsp.erased_contacts e WHERE e.organization_id = $1 AND e.contact_id = i.id OFFSET 0)
            """, r => r.GetGuid(0), ct, organizationId, people)];
    }

    private static bool HoldsPersonalData(PublicEvent told) => told.Data is MessageReceivedData or MessageData { WaMessageId: not null };

    private static PublicData Filled(PublicEvent told, string? content, bool erased) => told.Data switch
    {
        MessageReceivedData data when erased || content is null => data with { WaMessageId = null, Content = null, Erased = true },
        MessageReceivedData data => data with { Content = Read(content!) },
        MessageData data when erased => data with { WaMessageId = null },
        var data => data,
    };
}
