using System.Text;
using System.Text.Json;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;

namespace Bsp.UnitTests.Common;

public sealed class MetaEnvelopeTests
{
    private static readonly DateTimeOffset Told = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("\"1790000000\"", "2026-09-21T14:13:20Z")]
    [InlineData("1790000000", "2026-09-21T14:13:20Z")]
    [InlineData("\" 1790000000 \"", "2026-09-21T14:13:20Z")]
    [InlineData("\"1790000000.75\"", "2026-09-21T14:13:20Z")]
    [InlineData("1790000000123", "2026-09-21T14:13:20Z")] // milliseconds
    [InlineData("\"1790000000123456\"", "2026-09-21T14:13:20Z")] // microseconds
    [InlineData("\"1821000000\"", "2026-11-30T12:00:00Z")] // 300 days ahead: as it was told
    [InlineData("\"4102444800\"", "2026-11-30T12:00:00Z")]
    [InlineData("1821000000000", "2026-11-30T12:00:00Z")]
    [InlineData("\"1300000000\"", "2024-11-30T12:00:00Z")] // 2011: at most two years back
    [InlineData("\"0\"", null)]
    [InlineData("\"-1790000000\"", null)]
    [InlineData("\"86400\"", null)]
    [InlineData("\"1790000000123456789\"", null)] // nanoseconds, and whatever else is no date
    [InlineData("\"99999999999999999999999999999999999999\"", null)]
    [InlineData("1e400", null)]
    [InlineData("\"soon\"", null)]
    [InlineData("\"\"", null)]
    [InlineData("null", null)]
    [InlineData("{}", null)]
    [InlineData("[1790000000]", null)]
    [InlineData("true", null)]
    public void A_time_is_read_whatever_its_unit_and_never_lies_after_the_receipt(string timestamp, string? read) =>
        MetaEnvelope.Time(JsonSerializer.Deserialize<JsonElement>($"{{\"timestamp\":{timestamp}}}"), Told)
            .ShouldBe(read is null ? null : DateTimeOffset.Parse(read, System.Globalization.CultureInfo.InvariantCulture));

    [Fact]
    public void A_clock_that_is_a_little_ahead_of_ours_tells_the_receipts_time()
    {
        var ahead = Told.AddMilliseconds(-300); // received at 11:59:59.7, said to be of 12:00:00
        MetaEnvelope.Time(JsonSerializer.Deserialize<JsonElement>($"{{\"timestamp\":\"{Told.ToUnixTimeSeconds()}\"}}"), ahead)
            .ShouldBe(ahead);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("\u0939")]
    [InlineData("\\\"")]
    [InlineData("\\\\")]
    [InlineData("\\n")]
    [InlineData("\\u0939")]
    [InlineData("\\ud83d\\ude00")]
    [InlineData("\\uD83D\\uDE00")]
    [InlineData("\U0001F600")]
    [InlineData("a\\u0939\u00e9\\ud83d\\ude00\\\\")]
    public void A_text_of_any_length_is_cut_where_its_whole_would_be(string piece)
    {
        var root = JsonSerializer.Deserialize<JsonElement>($"{{\"v\":\"{string.Concat(Enumerable.Repeat(piece, 100_000))}\"}}");
        var whole = root.GetProperty("v").GetString()!;
        for (var units = 1; units < 200; units++)
        {
            MetaEnvelope.Line(root, "v", units).ShouldBe(Text.Cut(whole, units) is { Length: > 0 } line ? line : null);
        }

        MetaEnvelope.Text(root, "v").ShouldBe(Text.Cut(whole, 65_536));
        MetaEnvelope.Id(root, "v")!.Length.ShouldBeLessThanOrEqualTo(MetaId.UnitsMax);
    }

    [Fact]
    public void A_long_id_is_the_same_however_it_is_read()
    {
        string[] ids = [new string('x', 6_000), new string('\u0939', 2_000), new string('9', 1_000_000), "x\\" + new string('"', 300)];
        foreach (var id in ids)
        {
            var root = JsonSerializer.Deserialize<JsonElement>(JsonSerializer.Serialize(new { id }, new JsonSerializerOptions
            {
                Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }));
            MetaEnvelope.Id(root, "id").ShouldBe(MetaId.Of(id));
        }
    }

    [Fact]
    public void An_id_fits_into_every_index_and_two_long_ones_stay_two()
    {
        var (a, b) = (new string('x', 6_000) + "a", new string('x', 6_000) + "b");
        MetaId.Of("wamid.HBgM").ShouldBe("wamid.HBgM");
        MetaId.Of(a).ShouldBe(MetaId.Of(a));
        MetaId.Of(a).ShouldNotBe(MetaId.Of(b));
        foreach (var id in new[] { a, string.Concat(Enumerable.Repeat("👩‍👩‍👧‍👦", 600)), new string('\u0939', 6_000),
            new string('\uD83D', 6_000), new string('\u0939', 256) })
        {
            Encoding.UTF8.GetByteCount(MetaId.Of(id)).ShouldBeLessThanOrEqualTo(768);
            Text.IsStorable(MetaId.Of(id)).ShouldBeTrue();
        }
    }

    [Fact]
    public void A_window_opens_for_a_day_from_now_at_most_and_one_that_was_opened_for_longer_ends()
    {
        var (conversation, account, contact) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        var events = Conversation.CustomerWrote(Conversation.Initial, conversation, account, contact, Told.AddDays(300), Told);
        events.ShouldHaveSingleItem().ShouldBeOfType<CustomerWindowOpened>().Until.ShouldBe(Told.AddDays(1));

        var frozen = Conversation.Initial with { WindowUntil = Told.AddDays(301) };
        Conversation.CustomerWrote(frozen, conversation, account, contact, Told.AddMinutes(-1), Told).ShouldHaveSingleItem()
            .ShouldBeOfType<CustomerWindowOpened>()
            .Until.ShouldBe(Told.AddMinutes(-1).AddDays(1));

        var open = Conversation.Initial with { WindowUntil = Told.AddHours(23) };
        Conversation.CustomerWrote(open, conversation, account, contact, Told.AddHours(-2), Told).ShouldBeEmpty();
    }
}
