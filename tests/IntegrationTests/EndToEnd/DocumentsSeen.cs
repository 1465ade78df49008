using Bsp.Application.Messages;
using Bsp.Infrastructure.Documents;
using MongoDB.Bson;
using MongoDB.Driver;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>The documents as they lie in their store, not as the API shows them.</summary>
/// <param name="mongo">Null: they are JSONB.</param>
internal sealed class DocumentsSeen(Func<string, object[], Task<string>> sql, string? mongo)
{
    private readonly IMongoDatabase? database = mongo is null ? null
        : new MongoClient(mongo).GetDatabase(MongoUrl.Create(mongo).DatabaseName);

    /// <summary>"sent delivered read failed" of a campaign's messages.</summary>
    public async Task<string> CountsAsync(Guid campaign)
    {
        if (database is null)
        {
            return await sql("""
                SELECT concat_ws(' ', count(*) FILTER (WHERE doc ? 'sent_at'), count(*) FILTER (WHERE doc ? 'delivered_at'), count(*) FILTER (WHERE doc ? 'read_at'), count(*) FILTER (WHERE status = 'failed'))
                  FROM documents.messages WHERE campaign_id = $1
                """, [campaign]);
        }

        var all = await Messages(database).Find(Builders<BsonDocument>.Filter.Eq("campaign_id", Of(campaign))).ToListAsync();
        return $"{all.Count(m => m.Contains("sent_at"))} {all.Count(m => m.Contains("delivered_at"))} {all.Count(m => m.Contains("read_at"))} {all.Count(m => m["status"] == "failed")}";
    }

    /// <summary>Number of an organization's conversations.</summary>
    public async Task<string> ConversationsAsync(Guid organization) => database is null
        ? await sql("SELECT count(*) FROM documents.conversations WHERE organization_id = $1", [organization])
        : $"{await database.GetCollection<BsonDocument>("conversations").CountDocumentsAsync(Builders<BsonDocument>.Filter.Eq("organization_id", Of(organization)))}";

    /// <summary>Number of messages with this id of WhatsApp's.</summary>
    public async Task<string> MessagesAsync(string wamid) => database is null
        ? await sql("SELECT count(*) FROM documents.messages WHERE wa_message_id = $1", [wamid])
        : $"{await Messages(database).CountDocumentsAsync(Builders<BsonDocument>.Filter.Eq("wa_message_id", wamid))}";

    /// <summary>The one message of a contact, as JSON.</summary>
    public async Task<string> MessageOfAsync(Guid contact) => database is null
        ? await sql("SELECT doc FROM documents.messages WHERE contact_id = $1", [contact])
        : DocumentJson.Write(await database.GetCollection<MessageDocument>("messages").Find(m => m.ContactId == contact).SingleAsync());

    /// <summary>Puts another amount into what a message's document shows as its cost; null: takes the amount away.</summary>
    public async Task SpoilCostAsync(Guid message, decimal? amount)
    {
        if (database is null)
        {
            var cost = amount is null ? "doc #- '{cost,amount}'" : "jsonb_set(doc, '{cost,amount}', to_jsonb($2::numeric))";
            (await sql($"UPDATE documents.messages SET doc = {cost} WHERE doc ->> 'uuid' = $1::text AND $2 >= 0 RETURNING 'spoiled'",
                [message, amount ?? 0])).ShouldBe("spoiled");
            return;
        }

        var update = amount is { } other ? Builders<BsonDocument>.Update.Set("cost.amount", new BsonDecimal128(other))
            : Builders<BsonDocument>.Update.Unset("cost.amount");
        (await Messages(database).UpdateOneAsync(Builders<BsonDocument>.Filter.Eq("uuid", Of(message)), update)).ModifiedCount.ShouldBe(1);
    }

    private static IMongoCollection<BsonDocument> Messages(IMongoDatabase database) => database.GetCollection<BsonDocument>("messages");

    private static BsonBinaryData Of(Guid id) => new(id, GuidRepresentation.Standard);
}
