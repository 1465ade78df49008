using System.Text;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.Webhooks;

/// <summary>Webhooks are some hundred bytes or ten megabytes: what is held of them at once is bounded in bytes.</summary>
public sealed class WebhookBytesTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private const int MB = 1024 * 1024;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Large_bodies_are_taken_a_few_at_a_time_and_small_ones_by_the_page()
    {
        await WriteAsync([.. Enumerable.Repeat(3 * MB, 5), 12 * MB, .. Enumerable.Repeat(100, 30)]);
        var pages = new List<(int Count, bool Full)>();
        do
        {
            pages.Add(await TakeAsync(20));
        }
        while (pages[^1].Count > 0);
        pages.Sum(p => p.Count).ShouldBe(36);
        pages.Take(4).ShouldBe([(2, true), (2, true), (1, true), (1, true)]); // 3 MB by twos, then the last of them, then 12 MB alone
        pages.Skip(4).ShouldBe([(20, true), (10, false), (0, false)]);
    }

    [Fact]
    public async Task The_journal_goes_on_through_many_times_its_budget()
    {
        var before = await database.ScalarAsync<long>("SELECT count(*) FROM bsp.webhook_journal");
        await WriteAsync([.. Enumerable.Repeat(12 * MB, 16)]);
        (await database.ScalarAsync<long>("SELECT count(*) FROM bsp.webhook_journal")).ShouldBe(before + 16);
        while ((await TakeAsync(200)).Count > 0)
        {
            // one at a time; the next test begins with an empty inbox
        }
    }

    [Fact]
    public async Task Whoever_comes_beyond_the_budget_waits_in_order_and_goes_on_when_bytes_come_back()
    {
        var budget = new ByteBudget(100);
        await budget.TakeAsync(60, Ct);
        using var gone = new CancellationTokenSource();
        var (large, gaveUp, small) = (budget.TakeAsync(1_000, Ct), budget.TakeAsync(10, gone.Token), budget.TakeAsync(10, Ct));
        new[] { large, gaveUp, small }.ShouldAllBe(t => !t.IsCompleted); // 10 would fit, but not before who came first
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(gaveUp);
        budget.Return(60);
        await large.WaitAsync(Ct);
        small.IsCompleted.ShouldBeFalse();
        budget.Return(1_000);
        await small.WaitAsync(Ct);
        await budget.TakeAsync(90, Ct);
        var last = budget.TakeAsync(1, Ct);
        last.IsCompleted.ShouldBeFalse("who gave up took nothing, and nothing came back twice");
        budget.Return(10);
        await last.WaitAsync(Ct);
    }

    // Sixteen or fewer at once; more one after the other, so that they stand in this order.
    private async Task WriteAsync(int[] sizes)
    {
        using var journal = new Journal(database.Shards, new(TimeProvider.System), TimeProvider.System);
        await journal.StartAsync(Ct);
        var writing = new List<Task>();
        foreach (var size in sizes)
        {
            writing.Add(WriteAsync(journal, size));
            if (sizes.Length > 16)
            {
                await writing[^1];
            }
        }

        await Task.WhenAll(writing);
        await journal.StopAsync(Ct);
    }

    private async Task<(int Count, bool Full)> TakeAsync(int max)
    {
        await using var connection = await database.Shards.Directory.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        var (webhooks, full, gone) = await WebhookInbox.TakeAsync(connection, max, Ct);
        gone.ShouldBeEmpty();
        await transaction.CommitAsync(Ct);
        return (webhooks.Count, full);
    }

    private static async Task WriteAsync(Journal journal, int size)
    {
        using var room = await journal.RoomAsync(size, Ct);
        await journal.WriteAsync(new(null, null, null, "{}", "app", Encoding.UTF8.GetBytes("{}".PadRight(size))), Ct);
    }
}
