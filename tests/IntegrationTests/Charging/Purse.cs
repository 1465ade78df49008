using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Charging;

/// <summary>A wallet as tests see and fill it.</summary>
internal static class Purse
{
    /// <summary>Balance, held and reserved.</summary>
    public sealed record Seen(decimal Balance, decimal Held, decimal Reserved);

    public static async Task TopUpAsync(this AppFixture app, Guid organization, decimal amount, string currency = "USD")
    {
        var shard = await app.Services.GetRequiredService<Shards>().OfAsync(organization, CancellationToken.None);
        await using var tx = await shard.BeginAsync(organization, CancellationToken.None);
        var reference = $"pay_{Guid.NewGuid():N}";
        var outcome = await app.Services.GetRequiredService<LedgerWriter>()
            .PostAsync(tx, shard, organization, currency,
                [new Credit(amount, EntryCategories.Topup, new(Uuid.Of($"topup/{reference}"), "topup"), reference)],
                CancellationToken.None);
        outcome[0].ShouldBeOfType<Posted>();
        await tx.CommitAsync(CancellationToken.None);
    }

    /// <summary>The same for an application that runs in a process of its own.</summary>
    public static async Task TopUpAsync(string appConnection, Guid organization, decimal amount, string currency = "USD")
    {
        await using var shard = new Shard("default", 1, Npgsql.NpgsqlDataSource.Create(appConnection));
        await using var store =
            new PostgresEventStore(new Shards(shard.App, [shard]), [new TransactionsView()], LogDatabase.NewSignals(), new(),
                TimeProvider.System);
        await using var tx = await shard.BeginAsync(organization, CancellationToken.None);
        await new LedgerWriter(store, new(), TimeProvider.System)
            .PostAsync(tx, shard, organization, currency,
                [new Credit(amount, EntryCategories.Topup, new(Uuid.Of("topup/pay_1"), "topup"), "pay_1")],
                CancellationToken.None);
        await tx.CommitAsync(CancellationToken.None);
    }

    public static async Task<Seen> SeenAsync(this AppFixture app, Guid organization, string currency = "USD")
    {
        await using var command =
            app.Admin.CreateCommand("SELECT balance, held, reserved FROM bsp.ledger_heads WHERE organization_id = $1 AND currency = $2");
        command.Parameters.Add(new() { Value = organization });
        command.Parameters.Add(new() { Value = currency });
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync() ? new(reader.GetDecimal(0), reader.GetDecimal(1), reader.GetDecimal(2)) : new(0, 0, 0);
    }

    /// <summary>Every debit and refund, summed; how many there are; how many messages have more than one standing debit.</summary>
    public static async Task<(decimal Charged, long Debits, long Doubles)> ChargedAsync(this AppFixture app, Guid organization)
    {
        await using var command = app.Admin.CreateCommand("""
            SELECT coalesce(sum(CASE type WHEN 'debit' THEN amount WHEN 'refund' THEN -amount ELSE 0 END), 0), count(*) FILTER (WHERE type = 'debit'),
                   (SELECT count(*) FROM (SELECT c.reference FROM bsp.charges c WHERE c.organization_id = $1 AND c.type = 'debit' GROUP BY c.reference HAVING count(*) FILTER (WHERE c.amount > c.refunded) > 1) d)
              FROM transactions WHERE organization_id = $1 AND category = 'message'
            """);
        command.Parameters.Add(new() { Value = organization });
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetDecimal(0), reader.GetInt64(1), reader.GetInt64(2));
    }
}
