using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Views;

namespace Bsp.IntegrationTests.Projections;

/// <summary>No message is lost to a contact's counters when the contact becomes part of another one at the same moment.</summary>
public sealed class ContactCountersTests(StoresFixture fixture)
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)] // of the message's contact itself
    [InlineData(true)] // of whom it was merged into before
    public async Task A_merge_under_way_is_waited_for_and_the_survivor_gets_the_count(bool mergedBefore)
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var (organization, view) = (await database.NewOrganizationAsync(), new ContactCountersProjection());
        var (of, before, survivor) =
            (await NewAsync(database, organization), await NewAsync(database, organization), await NewAsync(database, organization));
        if (mergedBefore)
        {
            await database.ExecuteAsync("SELECT bsp.merge_contacts($1, $2, $3, now())", organization, before, of);
        }

        await using var connection = await database.Admin.OpenConnectionAsync(Ct);
        await using var merge = await connection.BeginTransactionAsync(Ct);
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT bsp.merge_contacts($1, $2, $3, now())";
            foreach (var id in new[] { organization, survivor, mergedBefore ? before : of })
            {
                command.Parameters.Add(new() { Value = id });
            }

            await command.ExecuteNonQueryAsync(Ct);
        }

        var message = Uuid.New();
        var fact = new MessageReceived(new(message, Uuid.New(), of, Uuid.New(), null, "text", "inbound"), "wamid.1", new(Uuid.New(), ""),
            false, null, Noon);
        var applying =
            Task.Run(() =>
                view.ApplyAsync(new(database.Shard, 0, 1,
                    [new(1, Uuid.New(), organization, message, 1, "message_received", fact, Noon, EventMetadata.None)]), Ct), Ct);
        await Patience.UntilAsync(() =>
            database.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"), n =>
                    n > 0, "the page waits for the merge");
        await merge.CommitAsync(Ct);
        await applying;

        (await database.ScalarAsync<int>("SELECT total_messages_received FROM contacts WHERE id = $1", survivor)).ShouldBe(1);
        (await view.CheckpointAsync(database.Shard, Ct)).ShouldBe(1);
    }

    private static async Task<Guid> NewAsync(ViewsDatabase database, Guid organization)
    {
        var id = Uuid.New();
        await database.ExecuteAsync("INSERT INTO contacts (id, organization_id) VALUES ($1, $2)", id, organization);
        return id;
    }
}
