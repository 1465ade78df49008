using System.Text;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.Webhooks;

/// <summary>Each organization has a lane of the inbox, and a page takes from all alike.</summary>
public sealed class WebhookLaneTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private const int MB = 1024 * 1024;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_sends_much_waits_alone()
    {
        await EmptyAsync();
        var (much, little) = (Uuid.New(), Uuid.New());
        await PutAsync(much, 1_000, 100);
        await PutAsync(little, 3, 100);
        var page = await TakeAsync(200);
        page.Webhooks.Count(w => w.Lane == little).ShouldBe(3, "what came after a thousand of another is in the first page");
        page.Webhooks.Count(w => w.Lane == much).ShouldBe(100, "half of a page while somebody else waits");
        (await TakeAsync(200)).Webhooks.Count(w => w.Lane == much).ShouldBe(200, "all of it when nobody does");
        await EmptyAsync();
    }

    [Fact]
    public async Task Bodies_that_fill_a_page_alternate_with_the_others()
    {
        await EmptyAsync();
        var lanes = new[] { Uuid.New(), Uuid.New() }.Order().ToArray();
        foreach (var (giant, small) in new[] { (lanes[0], lanes[1]), (lanes[1], lanes[0]) })
        {
            await PutAsync(giant, 3, 9 * MB);
            await PutAsync(small, 3, 100);
            var next = Guid.Empty;
            var order = new List<string>();
            for (var i = 0; i < 5; i++)
            {
                var page = await TakeAsync(200, next);
                next = page.Next;
                order.Add($"{page.Webhooks.Count(w => w.Lane == giant)} giant {page.Webhooks.Count(w => w.Lane == small)} small");
            }

            order.Take(2).ShouldContain("0 giant 3 small", string.Join(", ", order));
            order.Count(o => o == "1 giant 0 small").ShouldBe(3, string.Join(", ", order));
            await EmptyAsync();
        }
    }

    [Fact]
    public async Task More_lanes_than_a_page_holds_come_in_turn()
    {
        await EmptyAsync();
        var lanes = Enumerable.Range(0, 30).Select(_ => Uuid.New()).ToList();
        foreach (var lane in lanes)
        {
            await PutAsync(lane, 2, 10);
        }

        var (next, seen) = (Guid.Empty, new List<Guid>());
        for (var i = 0; i < 4; i++)
        {
            var page = await TakeAsync(10, next);
            next = page.Next;
            seen.AddRange(page.Webhooks.Select(w => w.Lane));
        }

        seen.Distinct().Count().ShouldBe(30, "nobody comes a second time much before all came once");
        await EmptyAsync();
    }

    [Fact]
    public async Task What_a_customer_wrote_waits_while_another_reader_has_what_they_wrote_before()
    {
        await EmptyAsync();
        var lane = Uuid.New();
        await PutAsync(lane, 2, 100, senders: 0b001); // of ann
        await PutAsync(lane, 1, 100, senders: 0b010); // of bert
        await PutAsync(lane, 1, 100, senders: 0b110); // of bert and cid
        await PutAsync(lane, 1, 100, senders: 0b100); // of cid
        await PutAsync(lane, 1, 100, senders: 0); // statuses: nobody's
        await PutAsync(lane, 1, 100, senders: WebhookLane.AnySender); // nobody knows

        // One reader has the first of ann and one of bert, and is at work.
        await using var connection = await database.Shards.Directory.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        await using (var taken = new Npgsql.NpgsqlCommand(
            "DELETE FROM bsp.webhook_inbox WHERE journal_id IN (SELECT min(journal_id) FROM bsp.webhook_inbox "
            + "WHERE lane = $1 GROUP BY senders HAVING senders IN (1, 2))", connection) { Parameters = { new() { Value = lane } } })
        {
            (await taken.ExecuteNonQueryAsync(Ct)).ShouldBe(2);
        }

        var other = await TakeAsync(200);
        other.Webhooks.Select(w => w.Senders).ShouldBe([0L], "cid's, too, waits behind one that is bert's and cid's");
        other.HeldBack.ShouldBeTrue();
        await transaction.CommitAsync(Ct);
        var rest = await TakeAsync(200);
        rest.Webhooks.Select(w => w.Senders).ShouldBe([0b001, 0b110, 0b100, WebhookLane.AnySender]);
        rest.HeldBack.ShouldBeFalse();
        await EmptyAsync();
    }

    [Fact]
    public async Task What_was_given_back_is_not_overtaken_either()
    {
        await EmptyAsync();
        var lane = Uuid.New();
        await PutAsync(lane, 1, 100, senders: 0b001);
        await using var connection = await database.Shards.Directory.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        var page = await WebhookInbox.TakeAsync(connection, 200, Ct);
        await WebhookInbox.PutBackAsync(connection, page.Webhooks, Ct);
        await PutAsync(lane, 1, 100, senders: 0b001);
        var other = await TakeAsync(200);
        other.Webhooks.ShouldBeEmpty();
        other.HeldBack.ShouldBeTrue();
        await transaction.CommitAsync(Ct);
        var rest = await TakeAsync(200);
        rest.Webhooks.Count.ShouldBe(2);
        rest.Webhooks[0].Id.ShouldBe(page.Webhooks[0].Id);
        rest.Webhooks[0].Senders.ShouldBe(0b001);
        await EmptyAsync();
    }

    [Theory]
    [InlineData("""{"metadata":{"display_phone_number":"1","phone_number_id":"106540352242922"}}""", "106540352242922")]
    [InlineData("""{"metadata":{"phone_number_id" : 106540352242922}}""", "106540352242922")]
    [InlineData("""{"phone_number_id":""}""", null)]
    [InlineData("""{"phone_number_id":"x1"}""", null)]
    [InlineData("""{"phone_number_id":"1""", null)]
    [InlineData("""{"phone_number_id":""", null)]
    [InlineData("{}", null)]
    public void The_number_shows_without_parsing(string body, string? number) =>
        WebhookLane.NumberOf(Encoding.UTF8.GetBytes(body)).ShouldBe(number);

    private async Task PutAsync(Guid lane, int count, int size, long senders = 0)
    {
        await using var command = database.Admin.CreateCommand("""
            WITH kept AS (
              INSERT INTO bsp.webhook_journal (received_at, headers, signature, body_sha256, body, lane)
              SELECT now(), '{}', 'app', '', convert_to(rpad('{}', $3), 'UTF8'), $1 FROM generate_series(1, $2) RETURNING id, received_at, lane)
            INSERT INTO bsp.webhook_inbox (journal_id, received_at, lane, senders) SELECT id, received_at, lane, $4 FROM kept
            """);
        command.Parameters.Add(new() { Value = lane });
        command.Parameters.Add(new() { Value = count });
        command.Parameters.Add(new() { Value = size });
        command.Parameters.Add(new() { Value = senders });
        await command.ExecuteNonQueryAsync(Ct);
    }

    private async Task<TakenPage> TakeAsync(int max, Guid from = default)
    {
        await using var connection = await database.Shards.Directory.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        var page = await WebhookInbox.TakeAsync(connection, max, Ct, from);
        await transaction.CommitAsync(Ct);
        return page;
    }

    private Task EmptyAsync() => database.AdminQueryAsync("DELETE FROM bsp.webhook_inbox", _ => 0);
}
