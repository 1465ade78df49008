using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Projections;

namespace Bsp.IntegrationTests.Views;

// Inbound kinds: what changes a message, whatever the order; groups; what does not fit.
public abstract partial class DocumentStoreContract
{
    [Fact]
    public async Task Reactions_edits_and_revocations_in_any_order_leave_the_same_messages_and_the_same_conversation()
    {
        MessageReceived[] facts =
        [
            Inbound.Message("w1", """{"type":"text","text":{"body":"first"}}"""),
                Inbound.Message("w2", """{"type":"text","text":{"body":"secnd"}}""", 10),
                Inbound.Message("w3", """{"type":"text","text":{"body":"third"}}""", 20),
            Inbound.Message("r1", """{"type":"reaction","reaction":{"message_id":"w1","emoji":"👍"}}""", 30),
            Inbound.Message("r2", """{"type":"reaction","reaction":{"message_id":"w1","emoji":"❤"}}""", 31),
            Inbound.Message("r3", """{"type":"reaction","reaction":{"message_id":"w2","emoji":"👍"}}""", 32),
            Inbound.Message("r4", """{"type":"reaction","reaction":{"message_id":"w2"}}""", 33),
            Inbound.Message("e1",
                """{"type":"edit","edit":{"original_message_id":"w2","message":{"type":"text","text":{"body":"second"}}}}""", 40),
            Inbound.Message("e2",
                """{"type":"edit","edit":{"original_message_id":"w3","message":{"type":"text","text":{"body":"the third"}}}}""", 41),
            Inbound.Message("v1", """{"type":"revoke","revoke":{"original_message_id":"w1"}}""", 50),
        ];
        var random = new Random(5);
        string? truth = null;
        for (var n = 0; n < 6; n++)
        {
            await using var database = await ViewsDatabase.NewAsync(fixture);
            var organization = await database.NewOrganizationAsync();
            var (store, views) = await OpenAsync(database.Shards);
            var projection = new ConversationsProjection(store, new Plain());
            await ApplyAsync(projection, database, organization, n == 0 ? facts
                : [.. facts.OrderBy(_ => random.Next())], random.Next(1, 6));

            var conversation = (await views.ConversationsAsync(organization, new(), 10, null, default)).Data.Single();
            var messages = await MessagesAsync(views, organization, conversation.Uuid, 2);
            (conversation.UnreadCount, conversation.MessageCount.Incoming, conversation.LastMessagePreview).ShouldBe((2, 3, "the third"));
            var shown = DocumentJson.Write(messages.Select(m => m with { Position = 0, OrganizationId = Guid.Empty }));
            shown.ShouldBe(truth ??= shown);
            (await views.MessageAsync(organization, messages[1].Uuid, default))!.EditedAt.ShouldBe(Inbound.Noon.AddSeconds(40));
            messages.Select(m => m.WaMessageId).ShouldBe(["w3", "w2", "w1"]);
            (messages[1].Content!.Text, messages[1].Original!.Text, messages[1].Reactions).ShouldBe(("second", "secnd", null));
            (messages[2].Content!.Text, messages[2].RevokedAt, messages[2].Reactions!.Single().Emoji)
                .ShouldBe(("first", Inbound.Noon.AddSeconds(50), "❤"));
        }
    }

    [Fact]
    public async Task Nobody_edits_or_takes_back_what_somebody_else_wrote_and_an_amendment_of_nothing_known_is_seen()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        var own = Inbound.Message("w1", """{"type":"text","text":{"body":"mine"}}""");
        await ApplyAsync(projection, database, organization,
        [
            own, Inbound.Message("x1", """{"type":"revoke","revoke":{"original_message_id":"w1"}}""", 1, "919000000002"),
                Inbound.Message("x2",
                    """{"type":"edit","edit":{"original_message_id":"w1","message":{"type":"text","text":{"body":"theirs"}}}}""", 2,
                    "919000000002"),
            Inbound.Message("x3",
                """{"type":"edit","edit":{"original_message_id":"long ago","message":{"type":"text","text":{"body":"new"}}}}""", 3),
        ], 2);

        var messages = await MessagesAsync(views, organization, own.Ref.ConversationId, 10);

        messages.Select(m => (m.Content?.Text, m.Amends, m.RevokedAt)).ShouldBe([("new", "long ago", null), ("mine", null, null)]);
        (await views.ConversationAsync(organization, own.Ref.ConversationId, default))!.UnreadCount.ShouldBe(1);
    }

    [Fact]
    public async Task A_notice_is_readable_and_shown_as_the_last_and_neither_counted_nor_unread_in_any_order()
    {
        MessageReceived[] facts =
        [
            Inbound.Message("w1", """{"type":"text","text":{"body":"first"}}"""),
            Inbound.Message("s1", """{"type":"system","system":{"type":"customer_identity_changed","body":"The code changed"}}""", 10),
            Inbound.Message("w2", """{"type":"text","text":{"body":"second"}}""", 20),
            Inbound.Message("s2",
                """{"type":"system","system":{"type":"user_changed_number","body":"Ann changed","wa_id":"919000000001"}}""", 30),
        ];
        var random = new Random(7);
        string? truth = null;
        for (var n = 0; n < 6; n++)
        {
            await using var database = await ViewsDatabase.NewAsync(fixture);
            var organization = await database.NewOrganizationAsync();
            var (store, views) = await OpenAsync(database.Shards);
            var projection = new ConversationsProjection(store, new Plain());
            await ApplyAsync(projection, database, organization, n == 0 ? facts
                : [.. facts.OrderBy(_ => random.Next())], random.Next(1, 4));

            var conversation = (await views.ConversationsAsync(organization, new(), 10, null, default)).Data.Single();
            (conversation.UnreadCount, conversation.MessageCount.Incoming, conversation.LastMessagePreview, conversation.LastMessageAt,
                conversation.WindowUntil)
                .ShouldBe((2, 2, "Ann changed", Inbound.Noon.AddSeconds(30), null));
            var messages = await MessagesAsync(views, organization, conversation.Uuid, 2);
            messages.Select(m => (m.MessageTypeExact, m.Content!.Text))
                .ShouldBe([("system", "Ann changed"), ("text", "second"), ("system", "The code changed"), ("text", "first")]);
            var shown = DocumentJson.Write(messages.Select(m => m with { Position = 0, OrganizationId = Guid.Empty }));
            shown.ShouldBe(truth ??= shown);
        }
    }

    [Fact]
    public async Task A_group_has_a_conversation_of_its_own_and_an_erased_member_leaves_nothing_in_it()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        var @private = Inbound.Message("p1", """{"type":"text","text":{"body":"hello"}}""");
        var (ann, bob) =
            (Inbound.Message("g1", """{"type":"text","group_id":"G","text":{"body":"hi all"}}""", 1),
                Inbound.Message("g2", """{"type":"text","group_id":"G","text":{"body":"hi Ann"}}""", 2, "919000000002", "Bob"));
        var erased = new ContactErased(bob.Ref.ContactId, [bob.Ref.ContactId], Inbound.Noon);
        await ApplyAsync(projection, database, organization, [@private, ann, bob], 2);

        ann.Ref.ConversationId.ShouldNotBe(@private.Ref.ConversationId);
        var group = (await views.ConversationAsync(organization, bob.Ref.ConversationId, default)).ShouldNotBeNull();
        (group.GroupId, group.ContactId, group.UnreadCount, group.LastMessagePreview, group.WindowUntil)
            .ShouldBe(("G", Guid.Empty, 2, "Bob: hi Ann", null));
        (await MessagesAsync(views, organization, group.Uuid, 10)).Select(m => (m.ContactId, m.SenderName, m.Content!.Text))
            .ShouldBe([(bob.Ref.ContactId, "Bob", "hi Ann"), (ann.Ref.ContactId, "Ann", "hi all")]);
        (await views.ConversationAsync(organization, @private.Ref.ConversationId, default))!.MessageCount.Incoming.ShouldBe(1);

        await projection.ApplyAsync(new(database.Shard, 3, 4, [Inbound.Stored(organization, erased, bob.Ref.ContactId, 4)]), default);
        (await views.ConversationAsync(organization, group.Uuid, default))!.LastMessagePreview.ShouldBeNull();
        (await MessagesAsync(views, organization, group.Uuid, 10))[0]
            .ShouldSatisfyAllConditions(m => m.Content.ShouldBeNull(), m => m.SenderName.ShouldBeNull(), m => m.RawWebhook.ShouldBeNull());
    }

    [Fact]
    public async Task A_view_takes_what_it_can_of_what_does_not_fit_and_notes_the_rest()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        var (wamid, random) =
            ("wamid." + Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(3_000)), new string('ü', 200_000));
        var messages = new[]
        {
            Inbound.Message(wamid, """{"type":"location","location":{"latitude":1e400,"longitude":"NaN","name":"here"}}"""),
            Inbound.Message("w2", $$$"""{"type":"image","image":{"id":"1","caption":"{{{random}}}"}}""", 1, name: random),
            Inbound.Message("w3",
                """{"type":"order","order":{"catalog_id":"c","product_items":[{"quantity":1e400,"item_price":1e131071,"currency":"ILS"}]}}""", 2),
            Inbound.Message("w4", """{"type":"text","text":{"body":"fine"}}""", 3) with { At = DateTimeOffset.MaxValue },
            Inbound.Message("w5", $$$"""{"type":"text","text":{"body":"x"},"referral":{"body":"{{{random}}}"}}""", 4),
        };
        await ApplyAsync(projection, database, organization, messages, 5);

        var shown = await MessagesAsync(views, organization, messages[0].Ref.ConversationId, 10);

        shown.Count.ShouldBe(5);
        var byId = shown.ToDictionary(m => m.Uuid);
        shown.ShouldAllBe(m => m.RawWebhook!.Value.GetRawText().Length < 64 * 1024);
        byId[messages[0].Ref.MessageId].RawWebhook!.Value.GetProperty("location").GetProperty("latitude").GetString().ShouldBe("1e400");
        byId[messages[1].Ref.MessageId].RawWebhook!.Value.GetProperty("image").GetProperty("caption").GetString()!.Length.ShouldBe(4_096);
        byId[messages[0].Ref.MessageId]
            .ShouldSatisfyAllConditions(m => m.WaMessageId!.Length.ShouldBeLessThanOrEqualTo(256), m =>
                m.Content!.Location!.Name.ShouldBe("here"), m => m.Content!.Location!.Latitude.ShouldBeNull(),
            m => m.Notes!.Single().ShouldContain("location"));
        byId[messages[1].Ref.MessageId]
            .ShouldSatisfyAllConditions(m => m.Content!.MediaCaption!.Length.ShouldBe(65_536), m =>
                m.Notes!.Single().ShouldContain("media_caption"));
        byId[messages[2].Ref.MessageId].Content!.Text.ShouldBe("1 item");
        byId[messages[3].Ref.MessageId].CreatedAt.ShouldBe(Inbound.Noon.AddHours(25), "a day after it was appended");
        byId[messages[4].Ref.MessageId]
            .ShouldSatisfyAllConditions(m => m.Referral.ShouldBeNull(), m => m.Content!.Text.ShouldBe("x"), m =>
                m.Notes!.Single().ShouldContain("referral"));
        (await views.ConversationAsync(organization, messages[0].Ref.ConversationId,
            default))!.Contact.Name!.Length.ShouldBeLessThanOrEqualTo(256);
    }

    private static async Task ApplyAsync(ConversationsProjection projection, ViewsDatabase database, Guid organization,
        MessageReceived[] facts, int page)
    {
        var (after, sequence) = (0L, 0L);
        foreach (var some in facts.Chunk(page))
        {
            StoredEvent[] events = [.. some.Select(fact => Inbound.Stored(organization, fact, ++sequence))];
            await projection.ApplyAsync(new(database.Shard, after, sequence, events), default);
            after = sequence;
        }
    }
}
