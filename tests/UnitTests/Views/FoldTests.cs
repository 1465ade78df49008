using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Accounts;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Messages;

namespace Bsp.UnitTests.Views;

/// <summary>The folds as pure functions.</summary>
public sealed class FoldTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly MessageRef Ref =
        new(Uuid.Of("m"), Uuid.Of("a"), Uuid.Of("c"), Uuid.Of("v"), Uuid.Of("k"), "template", "outbound");
    private static readonly MessageQueued Queued =
        new(Ref, new(Uuid.Of("t"), "welcome", "en", "MARKETING"), new(Guid.Empty, ""), new("campaign", null, null, true), Noon);

    [Fact]
    public void Any_order_of_the_facts_gives_the_same_document()
    {
        MessageEvent[] facts =
        [
            new MessageSending(Ref, 1, Guid.Empty, Noon.AddSeconds(1)),
                new MessageAccepted(Ref, "wamid.1", false, "response", Noon.AddSeconds(2)),
                new MessageFailed(Ref, 131047, "t", "d", null, Noon.AddSeconds(4)),
            new MessageSent(Ref, false, null, Noon.AddSeconds(3)),
            new MessageDelivered(Ref, false, Noon.AddSeconds(3), Noon.AddSeconds(4), null, Noon.AddSeconds(5)),
            new MessageRead(Ref, Noon.AddSeconds(5), null, Noon.AddSeconds(6)),
        ];
        var truth = DocumentJson.Write(Fold(facts));
        foreach (var order in Orders(facts, 200))
        {
            DocumentJson.Write(Fold(order)).ShouldBe(truth);
        }

        var document = Fold(facts);
        (document.Status, document.FailedAt, document.ReadAt).ShouldBe(("read", null, Noon.AddSeconds(6)));
        document.StatusHistory.Select(s => s.Status).ShouldBe(["pending", "sent", "failed", "delivered", "read"]);
    }

    [Theory]
    [InlineData("pending", "sending", "sending")]
    [InlineData("pending", "accepted", "sending,accepted")]
    [InlineData("failed", "rejected", "sending,rejected")]
    [InlineData("pending", "accepted", "sending,rejected,accepted")]
    [InlineData("pending", "outcome_unknown", "sending,unknown")]
    [InlineData("pending", "unknown_closed", "sending,unknown,closed")]
    [InlineData("sent", "sent", "sending,unknown,accepted,sent")]
    [InlineData("pending", "cancelled", "cancelled")]
    [InlineData("failed", "failed", "sending,accepted,sent,failed")]
    [InlineData("delivered", "delivered", "sending,accepted,failed,sent,delivered")]
    public void The_status_is_the_furthest_rung(string status, string exact, string facts)
    {
        var document = Fold([.. facts.Split(',').Select<string, MessageEvent>((word, i) => word switch
        {
            "sending" => new MessageSending(Ref, 1, Guid.Empty, At(i)), "accepted" =>
                new MessageAccepted(Ref, "w", false, "response", At(i)), "rejected" => new MessageRejected(Ref, 1, "t", null, At(i)),
            "unknown" => new MessageOutcomeUnknown(Ref, "timeout", At(99), At(i)), "closed" =>
                new MessageUnknownClosed(Ref, "deadline", At(i)), "cancelled" => new MessageCancelled(Ref, "r", At(i)),
            "sent" => new MessageSent(Ref, false, null, At(i)), "failed" => new MessageFailed(Ref, 1, "t", null, null, At(i)), _ =>
                new MessageDelivered(Ref, false, At(0), At(1), null, At(i)),
        })]);
        (document.Status, document.StatusExact).ShouldBe((status, exact));
    }

    [Fact]
    public void A_skipped_message_has_no_document() =>
        MessageDocumentFold.Fold(null, Stored(new MessageSkipped(Ref, "no_consent", Noon), 1), 1, null).ShouldBeNull();

    [Fact]
    public void An_event_seen_before_changes_nothing()
    {
        var document = Fold([]);
        MessageDocumentFold.Fold(document, Stored(new MessageSent(Ref, false, null, Noon), 1), document.Position, null)
            .ShouldBeSameAs(document);
    }

    [Theory]
    [InlineData("text", """{"type":"text","text":{"body":"hi"}}""", "hi")]
    [InlineData("image", """{"type":"image","image":{"link":"https://x/y.png","caption":"look"}}""", "look")]
    [InlineData("location", """{"type":"location","location":{"latitude":"1.5","longitude":2,"name":"here"}}""", "here")]
    [InlineData("interactive", """{"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"1","title":"Yes"}}}""",
        "Yes")]
    [InlineData("button", """{"type":"button","button":{"payload":"p","text":"Stop"}}""", "Stop")]
    [InlineData("contacts", """{"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"}}]}""", "Ann")]
    [InlineData("warped", """{"type":"warped","warped":[1,2]}""", "[warped]")]
    [InlineData("text", "not json", "[text]")]
    [InlineData("text", """{"text":{"body":7}}""", "[text]")]
    [InlineData("text", null, "[text]")]
    public void Whatever_the_content_is_a_preview_can_be_shown(string type, string? content, string preview)
    {
        var queued = Queued with { Ref = Ref with { Type = type }, Template = null };
        MessageDocumentContent.Preview(MessageDocumentFold.Fold(null, Stored(queued, 1), 1, content)!).ShouldBe(preview);
    }

    [Fact]
    public void A_long_preview_is_cut_at_100_characters_and_never_inside_a_pair()
    {
        var content = JsonSerializer.Serialize(new { text = new { body = new string('x', 98) + "😀😀" } });
        var preview =
            MessageDocumentContent.Preview(MessageDocumentFold.Fold(null,
                Stored(Queued with { Ref = Ref with { Type = "text" }, Template = null }, 1), 1, content)!)!;
        preview.Length.ShouldBeLessThanOrEqualTo(100);
        preview.ShouldBe(new string('x', 98) + "…");
    }

    [Theory]
    [InlineData("sticker", "image", "image")]
    [InlineData("location", "location", "text")]
    [InlineData("order", "interactive", "interactive")]
    [InlineData("never heard of", "text", "text")]
    public void Types_beyond_the_enum_take_the_nearest(string exact, string document, string analytics) =>
        (NearestMessageType.ForDocument(exact), NearestMessageType.ForAnalytics(exact)).ShouldBe((document, analytics));

    [Fact]
    public void The_daily_count_begins_anew_after_24_hours_and_late_reports_do_not_count()
    {
        var window = AccountCountersProjection.Count(0, null, Noon);
        window.ShouldBe((1, Noon.AddHours(24)));
        window = AccountCountersProjection.Count(window.Count, window.ResetAt, Noon.AddHours(23));
        window.ShouldBe((2, Noon.AddHours(24)));
        window = AccountCountersProjection.Count(window.Count, window.ResetAt, Noon.AddHours(24));
        window.ShouldBe((1, Noon.AddHours(48)));
        AccountCountersProjection.Count(window.Count, window.ResetAt, Noon).ShouldBe(window);
    }

    [Fact]
    public void Text_that_postgres_cannot_hold_is_replaced_and_what_looks_like_it_is_not() =>
        DocumentJson.Write(new MessageContent(Text: "a\0b \\u0000 \\\0")).ShouldContain("a\uFFFDb \\\\u0000 \\\\\uFFFD");

    private static DateTimeOffset At(int seconds) => Noon.AddSeconds(seconds + 1);

    private static MessageDocument Fold(IEnumerable<MessageEvent> facts)
    {
        var (document, position) = (MessageDocumentFold.Fold(null, Stored(Queued, 1), 1, null)!, 1L);
        foreach (var fact in facts)
        {
            document = MessageDocumentFold.Fold(document, Stored(fact, ++position), position, null)!;
        }

        return document;
    }

    private static StoredEvent Stored(MessageEvent body, long sequence) =>
        new(sequence, Guid.NewGuid(), Uuid.Of("o"), body.Ref.MessageId, sequence, EventTypes.NameOf(body), body, body.At,
            EventMetadata.None);

    private static IEnumerable<MessageEvent[]> Orders(MessageEvent[] facts, int count)
    {
        var random = new Random(1);
        for (var i = 0; i < count; i++)
        {
            var order = facts.ToArray();
            random.Shuffle(order);
            yield return order;
        }
    }
}
