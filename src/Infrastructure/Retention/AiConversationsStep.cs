using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Retention;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Retention;

/// <summary>
/// AI histories past their time: what is archived of them names nobody and holds no words, only what was done, when (the day), and what it
/// took. The words go from the log as well.
/// </summary>
internal sealed class AiConversationsStep(Shards shards, IOldDocuments old, IDocumentStore documents, ArchiveBook book, TimeProvider clock)
    : IRetentionStep
{
    private const string ArchiveKind = "ai_conversations";
    private const int SliceHistories = 500;
    private static readonly string[] Types = ["conversation_auto_answered", "conversation_handed_over", "conversation_left_silent"];

    public string Kind => RetentionRules.AiConversations;

    public IAsyncEnumerable<RetentionDue> DueAsync(Shard shard, Guid? only, CancellationToken ct) =>
        EachOrganization.DueAsync(shards, shard, only, Kind, old, OldKind.AiConversations, clock.GetUtcNow(), ct);

    public async Task CarryAsync(Shard shard, Func<long, Task> beat, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await EachOrganization.CarryAsync(shards, shard, times => CarryAsync(shard, times, times.Before(Kind, now), beat, ct), beat, ct);
    }

    private async Task CarryAsync(Shard shard, OrganizationTimes times, DateTimeOffset before, Func<long, Task> beat, CancellationToken ct)
    {
        var organization = times.Policy.OrganizationId;
        if ((await old.AiAsync(shard, organization, before, null, 1, ct)).Count == 0
            || !await book.BeginAsync(shard, organization, ArchiveKind, documents, ct))
        {
            return;
        }

        (DateTimeOffset, DocumentId)? place = null;
        IReadOnlyList<AiConversationDocument> page;
        do
        {
            page = await old.AiAsync(shard, organization, before, place, SliceHistories, ct);
            var slice = page.Where(d => !times.HeldContacts.Contains(d.ContactId)).ToList();
            if (slice.Count > 0)
            {
                await book.KeepAsync(shard, ArchiveOf(organization, slice, before), ct);
                await beat(slice.Count);
            }

            place = page.Count == 0 ? place : (page[^1].UpdatedAt, page[^1].Id);
        }
        while (page.Count == SliceHistories);
    }

    private ArchiveToKeep ArchiveOf(Guid organization, List<AiConversationDocument> slice, DateTimeOffset before)
    {
        var conversations = slice.ConvertAll(d => d.Uuid);
        // in the order of what is in them, so that the order says nothing of whose they are
        var left = slice.Select(d => new ArchivedDocument('A', AnonymousAi.Of(d).Write()))
            .OrderBy(d => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(d.Json.Span)), StringComparer.Ordinal).ToList();
        return new(organization, ArchiveKind,
            [new(ArchiveBook.OwnerOf(organization), left, new Dictionary<Guid, int>())], conversations, Types, before, before,
            archive => [new AiConversationsRetired(archive, conversations, before, clock.GetUtcNow())])
        {
            Positions = (slice.Min(d => d.Position), slice.Max(d => d.Position)), Times = (slice[0].UpdatedAt, slice[^1].UpdatedAt),
        };
    }
}

/// <summary>What is left of an AI history: nobody's name, number, id or word.</summary>
/// <param name="BeganOn">The day, UTC.</param>
/// <param name="Actions">What came of each burst: reply, handover or silent, with intent or reason.</param>
internal sealed record AnonymousAi(string Model, DateOnly BeganOn, DateOnly EndedOn, IReadOnlyList<AnonymousAiMessage> Messages,
    IReadOnlyList<AnonymousAiAction> Actions, long TotalTokens, decimal TotalCost)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static AnonymousAi Of(AiConversationDocument d) => new(d.Model, Day(d.CreatedAt), Day(d.UpdatedAt),
        [.. d.Messages.Select(m => new AnonymousAiMessage(m.Role, m.Content.Length, m.Tokens, m.LatencyMs))],
        [.. (d.Context?.PreviousInteractions ?? [])
            .Select(i => new AnonymousAiAction(Text(i, "action"), Text(i, "intent"), Text(i, "reason")))],
        d.TotalTokens, d.TotalCost);

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    private static DateOnly Day(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime);

    // Words of docs/ai.md: nothing that somebody wrote.
    private static string? Text(JsonElement interaction, string name) =>
        interaction.ValueKind == JsonValueKind.Object && interaction.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <param name="Characters">Of what was written.</param>
internal sealed record AnonymousAiMessage(string Role, int Characters, int Tokens, int LatencyMs);

internal sealed record AnonymousAiAction(string? Action, string? Intent, string? Reason);
