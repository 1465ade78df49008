using Bsp.Application.Common;
using System.Globalization;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MongoDB.Bson;
using MongoDB.Driver;

namespace Bsp.Infrastructure.Documents;

/// <summary>
/// The documents in MongoDB, which has no hash that others have: the fields that are hashed come here, page by page.
/// </summary>
internal sealed class MongoDocumentDigests(MongoCollections mongo) : IDocumentDigests
{
    private const int RowsMax = 1_000_000;
    private const int PageDocuments = 2_000;

    private static readonly BsonDocument Fields = new(new[]
    {
        "uuid", "conversation_uuid", "direction", "status", "created_at", "sent_at", "delivered_at", "read_at", "failed_at",
        "cost.amount", "position",
    }.Select(name => new BsonElement(name, 1)));

    private static readonly BsonDocument CostFields =
        new() { ["uuid"] = 1, ["cost.amount"] = 1, ["cost.currency"] = 1, ["position"] = 1 };

    public string Store => "mongo";

    public async Task<StoreDigest> DaysAsync(Shard shard, Guid organizationId, long upTo, DateTimeOffset from, CancellationToken ct)
    {
        var (days, moved) = (new DayDigests(), new HashSet<string>());
        await EachAsync(shard, "messages", Of(organizationId).Add("created_at", new BsonDocument("$gte", from.UtcDateTime)), Fields, d =>
        {
            if (Position(d) > upTo)
            {
                moved.Add(d["_id"].AsObjectId.ToString());
            }
            else
            {
                days[DateOnly.FromDateTime(d["created_at"].ToUniversalTime())].Add(Text(d, "status") ?? "", Amount(d) ?? 0,
                    RowHash.Of(Text(d)));
            }

            return moved.Count <= StoreDigest.MovedMax;
        }, ct);
        return new(days, moved, moved.Count > StoreDigest.MovedMax);
    }

    public Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, Guid organizationId, long upTo, DateOnly day, CancellationToken ct) =>
        RowsAsync(shard, Of(organizationId)
            .Add("created_at", new BsonDocument { ["$gte"] = Midnight(day), ["$lt"] = Midnight(day.AddDays(1)) })
            .Add("position", new BsonDocument("$lte", upTo)), ct);

    public Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> messages,
        CancellationToken ct) =>
        RowsAsync(shard, Of(organizationId)
            .Add("_id", new BsonDocument("$in", new BsonArray(messages.Select(id => new ObjectId(DocumentId.Of(id).ToBytes()))))), ct);

    // Sorted by what is asked for only, on the disk when it is much. An id that is no UUID is no message of the ledger.
    public async Task CostsAsync(Shard shard, Guid organizationId, long upTo, Func<ShownCost, Task> take, CancellationToken ct)
    {
        var charged = new BsonDocument
        {
            ["cost.outcome"] = new BsonDocument("$type", "string"),
            ["cost.amount"] = new BsonDocument("$nin", new BsonArray { BsonNull.Value, 0 }),
        };
        var filter = Of(organizationId).Add("uuid", new BsonDocument("$type", "binData"))
            .Add("$or", new BsonArray { new BsonDocument("position", new BsonDocument("$gt", upTo)), charged });
        var database = (await mongo.OfAsync(shard, ct)).Database;
        await MongoCollections.GuardAsync(async () =>
        {
            using var cursor = await database.GetCollection<BsonDocument>("messages").Find(filter,
                    new FindOptions { BatchSize = PageDocuments, AllowDiskUse = true })
                .Project<BsonDocument>(CostFields).Sort(new BsonDocument("uuid", 1)).ToCursorAsync(ct);
            while (await cursor.MoveNextAsync(ct))
            {
                foreach (var d in cursor.Current)
                {
                    var cost = d.GetValue("cost", BsonNull.Value) as BsonDocument ?? [];
                    await take(new(Guid(d, "uuid")!, Amount(d), Text(cost, "currency") ?? "", Position(d)));
                }
            }

            return 0;
        });
    }

    public async Task<IReadOnlyList<ConversationRow>> ConversationsAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var rows = new List<ConversationRow>();
        await EachAsync(shard, "conversations", Of(organizationId),
            new BsonDocument { ["uuid"] = 1, ["message_count"] = 1, ["position"] = 1, ["created_at"] = 1 }, d =>
            {
                var counts = d.GetValue("message_count", new BsonDocument()).AsBsonDocument;
                rows.Add(new(d["uuid"].AsGuid, counts.GetValue("incoming", 0).ToInt64(), counts.GetValue("outgoing", 0).ToInt64(),
                    Position(d), new(d["created_at"].ToUniversalTime())));
                return rows.Count < RowsMax;
            }, ct);
        return rows;
    }

    private async Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, BsonDocument filter, CancellationToken ct)
    {
        var rows = new List<StoreRow>();
        await EachAsync(shard, "messages", filter, Fields, d =>
        {
            var text = Text(d);
            rows.Add(new(d["_id"].AsObjectId.ToString(), RowHash.Of(text), Position(d), text));
            return rows.Count < RowsMax;
        }, ct);
        return rows;
    }

    private async Task EachAsync(Shard shard, string collection, BsonDocument filter, BsonDocument fields, Func<BsonDocument, bool> take,
        CancellationToken ct)
    {
        var database = (await mongo.OfAsync(shard, ct)).Database;
        await MongoCollections.GuardAsync(async () =>
        {
            using var cursor = await database.GetCollection<BsonDocument>(collection).Find(filter,
                new FindOptions { BatchSize = PageDocuments }).Project<BsonDocument>(fields).ToCursorAsync(ct);
            while (await cursor.MoveNextAsync(ct))
            {
                if (cursor.Current.Any(d => !take(d)))
                {
                    return 0;
                }
            }

            return 0;
        });
    }

    private static BsonDocument Of(Guid organizationId) =>
        new("organization_id", new BsonBinaryData(organizationId, GuidRepresentation.Standard));

    private static string Text(BsonDocument d) => DocumentRows.Text(d["_id"].AsObjectId.ToString(), Guid(d, "uuid"),
        Guid(d, "conversation_uuid"), Text(d, "direction"), Text(d, "status"), Text(d, "status"), Time(d, "created_at"),
        Time(d, "sent_at"), Time(d, "delivered_at"), Time(d, "read_at"), Time(d, "failed_at"),
        Amount(d) is { } amount ? RowHash.Micros(amount).ToString(CultureInfo.InvariantCulture) : "");

    private static string? Guid(BsonDocument d, string name) =>
        d.GetValue(name, BsonNull.Value) is BsonBinaryData { SubType: BsonBinarySubType.UuidStandard } id ? id.ToGuid().ToString() : "!";

    private static string? Text(BsonDocument d, string name) => d.GetValue(name, BsonNull.Value) is BsonString text ? text.Value : null;

    private static string? Time(BsonDocument d, string name) => d.GetValue(name, BsonNull.Value) is BsonDateTime at
        ? DocumentRows.Time(new DateTimeOffset(at.ToUniversalTime())) : null;

    private static decimal? Amount(BsonDocument d) =>
        d.GetValue("cost", BsonNull.Value) is BsonDocument cost && cost.GetValue("amount", BsonNull.Value) is { IsNumeric: true } amount
            ? amount.ToDecimal() : null;

    private static long Position(BsonDocument d) => d.GetValue("position", 0).ToInt64();

    private static DateTime Midnight(DateOnly day) => day.ToDateTime(default, DateTimeKind.Utc);
}
