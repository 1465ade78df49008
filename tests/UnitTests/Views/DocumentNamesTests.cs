using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Documents;
using MongoDB.Bson;

namespace Bsp.UnitTests.Views;

/// <summary>
/// Every name of the specification's collections (§2), as the official driver writes them to MongoDB and as JSONB holds them. A document
/// with everything in it is written.
/// </summary>
public sealed class DocumentNamesTests
{
    private static readonly DateTimeOffset At = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);
    private static readonly Guid Id = Guid.Parse("01a20eea-4ac6-77c1-93ae-f9e0f401ec9e");

    private static readonly ConversationDocument Conversation = new()
    {
        Id = DocumentId.Of(Id), Uuid = Id, Position = 1, OrganizationId = Id, ContactId = Id, AccountId = Id, WaConversationId = "w",
            Contact = new("+1", "n", "p"), Status = "active", Priority = "low",
        AssignedTo = Id, AssignedAt = At, AiAnalysis = new("positive", 0.5, "i", "en", "s"), LastMessageAt = At, LastMessagePreview = "p",
        MessageCount = new(1, 2), Tags = ["t"], Source = "api",
        CreatedAt = At, UpdatedAt = At, ExpiresAt = At,
    };

    private static readonly MessageDocument Message = new()
    {
        Id = DocumentId.Of(Id), Uuid = Id, Position = 1, OrganizationId = Id, ConversationId = DocumentId.Of(Id), ConversationUuid = Id,
            ContactId = Id, CampaignId = Id, AccountId = Id, Direction = "inbound",
        MessageType = "text", MessageTypeExact = "text", WaMessageId = "w", WaConversationId = "c",
        Content = new("t", "u", "m", 1, "c", new(1, 2, "n", "a"), new("f", "u", "m")),
        Template = new(Id, "n", "en", JsonSerializer.SerializeToElement(new[] { new { type = "body" } })),
        Interactive = new("list_reply", new("1", "t"), new("2", "t", "d")),
        StatusHistory = [new("failed", At, "131026", "why")], SentAt = At, DeliveredAt = At, ReadAt = At, FailedAt = At,
        AiProcessing = new(true, "s", "i", ["r"], true, "c"), SentBy = new(Id, "n", true),
        Cost = new(1m, "USD", "user_initiated", "service", null, null, null),
        RawWebhook = JsonSerializer.SerializeToElement(new { id = "w" }), CreatedAt = At, UpdatedAt = At,
    };

    [Fact]
    public void Conversations_have_the_specifications_names() => ShouldHave(Conversation, """
        _id organization_id contact_id account_id wa_conversation_id contact.phone_number contact.name contact.profile_picture status priority assigned_to assigned_at ai_analysis.sentiment
        ai_analysis.sentiment_score ai_analysis.intent ai_analysis.language ai_analysis.summary last_message_at last_message_preview message_count.incoming message_count.outgoing tags source
        created_at updated_at expires_at
        """);

    [Fact]
    public void Messages_have_the_specifications_names() => ShouldHave(Message, """
        _id organization_id conversation_id contact_id campaign_id direction message_type wa_message_id wa_conversation_id content.text content.media_url content.media_mime_type content.media_size
        content.media_caption content.location.latitude content.location.longitude content.location.name content.location.address content.document.filename content.document.url
        content.document.mime_type template.id template.name template.language template.parameters interactive.type interactive.button_reply.id interactive.button_reply.title
        interactive.list_reply.id interactive.list_reply.title interactive.list_reply.description status status_history.status status_history.timestamp status_history.error_code
        status_history.error_message sent_at delivered_at read_at failed_at ai_processing.processed ai_processing.sentiment ai_processing.intent ai_processing.suggested_replies
        ai_processing.auto_replied ai_processing.auto_reply_content sent_by.user_id sent_by.user_name sent_by.is_automated cost.amount cost.currency cost.category raw_webhook created_at updated_at
        """);

    [Fact]
    public void Logs_have_the_specifications_names() => ShouldHave(
        new MessageLogDocument
        {
            Id = DocumentId.Of(Id), Position = 1, OrganizationId = Id, MessageId = DocumentId.Of(Id), MessageUuid = Id, EventType = "sent",
                EventData = JsonSerializer.SerializeToElement(new { a = 1 }),
            IpAddress = "127.0.0.1", UserAgent = "u", CreatedAt = At,
        },
        "_id organization_id message_id event_type event_data ip_address user_agent created_at");

    [Fact]
    public void Ai_conversations_have_the_specifications_names() => ShouldHave(
        new AiConversationDocument
        {
            Id = DocumentId.Of(Id), Uuid = Id, Position = 1, OrganizationId = Id, ContactId = Id, ConversationId = DocumentId.Of(Id),
                Model = "m", SystemPrompt = "p", Messages = [new("user", "hi", At, 3, 12)],
            Context = new(JsonSerializer.SerializeToElement(new { vip = true }), "s", [JsonSerializer.SerializeToElement(new { a = 1 })]),
            TotalTokens = 3, TotalCost = 1m, CreatedAt = At, UpdatedAt = At,
        },
        """
        _id organization_id contact_id conversation_id model system_prompt messages.role messages.content messages.timestamp messages.tokens messages.latency_ms context.contact_info
        context.conversation_summary context.previous_interactions total_tokens total_cost created_at updated_at
        """);

    private static void ShouldHave<T>(T document, string names)
    {
        var wanted = names.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        MongoMapping.Register();
        wanted.Except(Paths(document.ToBsonDocument())).ShouldBeEmpty("in MongoDB");
        wanted.Except(Paths(BsonDocument.Parse(DocumentJson.Write(document)))).ShouldBeEmpty("as JSONB");
    }

    private static IEnumerable<string> Paths(BsonDocument document, string before = "") =>
        document.SelectMany(element => element.Value switch
    {
        BsonDocument inner => [before + element.Name, .. Paths(inner, $"{before}{element.Name}.")],
        BsonArray items =>
            [before + element.Name, .. items.OfType<BsonDocument>().SelectMany(item => Paths(item, $"{before}{element.Name}."))],
        _ => (IEnumerable<string>)[before + element.Name],
    });
}
