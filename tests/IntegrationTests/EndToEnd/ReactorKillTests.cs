using System.Globalization;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using Npgsql;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Process managers (decision 0087): a reaction and its checkpoint are one, wherever the process that draws it is killed with -9.
/// </summary>
public sealed class ReactorKillTests(ApiProcess api) : IClassFixture<ApiProcess>
{
    private const int Events = 1_000; // five pages
    private const int Kills = 3;
    private const int OptedOut = 131050;
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    // A transaction that appends has announced itself; nobody but the process manager appends here.
    private const string Appending = """
        SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 16979 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    // Events up to the checkpoint, and answers to them.
    private const string Answered = """
        SELECT (SELECT count(*) FROM mt_events WHERE type = 'message_rejected' AND seq_id <= p.sequence) || ' ' ||
               (SELECT count(*) FROM mt_events a JOIN mt_events e ON e.id::text = a.causation_id AND e.seq_id <= p.sequence WHERE a.type = 'contact_consent_changed_v2') || ' ' ||
               (SELECT count(*) FROM mt_events WHERE type = 'contact_consent_changed_v2')
          FROM bsp.projections p WHERE p.name = 'send_consequences.v1'
        """;

    [Fact]
    public async Task Killed_again_and_again_in_the_middle_of_a_reaction_every_event_is_answered_exactly_once()
    {
        await api.KillAsync();
        await WriteAsync();
        await SlowAnswersAsync();
        var inTheMiddle = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            await api.StartAsync();
            if (await Patience.UntilAsync(LookAsync, state =>
                state.Appending > 0 || state.Answered == Events, "it answers, or has answered all") is { Appending: > 0 })
            {
                await api.KillAsync();
                var left = await Patience.UntilAsync(LookAsync, state =>
                    state.Appending == 0, "PostgreSQL has ended the killed process's transactions");
                // what lies before the checkpoint is answered, and nothing else
                (left.Answered, left.Answers).ShouldBe((left.Events, left.Events));
                inTheMiddle += left.Events < Events ? 1 : 0;
            }
        }

        inTheMiddle.ShouldBeGreaterThan(0);
        await api.KillAsync();
        await api.StartAsync();
        await Patience.UntilAsync(LookAsync, state => state.Events == Events, "all are answered");
        (await api.Views.ScalarAsync("""
            SELECT concat_ws(' ', count(*), count(DISTINCT a.stream_id), count(DISTINCT e.id), count(*) FILTER (WHERE a.stream_id::text = e.data->'ref'->>'contact_id'))
              FROM mt_events a JOIN mt_events e ON e.id::text = a.causation_id WHERE a.type = 'contact_consent_changed_v2'
            """)).ShouldBe($"{Events} {Events} {Events} {Events}");
        (await api.Views.ScalarAsync("SELECT count(*) FROM contacts WHERE consent_status = 'OPTED_OUT'")).ShouldBe($"{Events}");
        (await api.Views.ScalarAsync("SELECT count(*) FROM bsp.parked_events WHERE projection = 'send_consequences.v1'")).ShouldBe("0");
    }

    // A page of answers takes longer than the test needs to see it: there is a middle on every machine.
    private async Task SlowAnswersAsync() => (await api.Views.ScalarAsync("""
        CREATE FUNCTION bsp.test_slowly() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $f$;
        CREATE TRIGGER test_slowly BEFORE INSERT ON mt_events FOR EACH ROW
          WHEN (NEW.type = 'contact_consent_changed_v2' AND NEW.seq_id % 50 = 0)
          EXECUTE FUNCTION bsp.test_slowly();
        SELECT 'made'
        """)).ShouldBe("made");

    private async Task<(int Appending, int Events, int Answered, int Answers)> LookAsync()
    {
        int[] counts = [.. (await api.Views.ScalarAsync(Answered)).Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        return (int.Parse(await api.Views.ScalarAsync(Appending), CultureInfo.InvariantCulture), counts[0], counts[1], counts[2]);
    }

    // People who opted in, and Meta's answer to a message of each that they want none.
    private async Task WriteAsync()
    {
        var organization = Uuid.New();
        await api.Views.ScalarAsync(
            "WITH made AS (INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ($1, $2, 'default') RETURNING 1) SELECT count(*) FROM made", organization, $"org-{organization}");
        await api.Views.ScalarAsync(
            "WITH made AS (INSERT INTO organizations (id, name, slug) VALUES ($1, 'Acme', $2) RETURNING 1) SELECT count(*) FROM made",
            organization, $"org-{organization}");
        var contacts = Enumerable.Range(0, Events).Select(_ => Uuid.New()).ToArray();
        await api.Views.ScalarAsync(
            "WITH made AS (INSERT INTO contacts (id, organization_id, consent_status) SELECT c, $1, 'OPTED_IN' FROM unnest($2) c RETURNING 1) SELECT count(*) FROM made", organization, contacts);
        await using var app = NpgsqlDataSource.Create(api.AppConnection);
        var shards = new Shards(app, [new Shard("default", 1, app) { ConnectionString = api.AppConnection }]);
        await using var store = new PostgresEventStore(shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
        var outcomes =
            await store.AppendManyAsync([.. contacts.Select(contact => (Id: Uuid.New(), Contact: contact))
                .Select(m => (organization, (IReadOnlyList<StreamAppend>)[new(m.Id, "message", 0,
            [new MessageRejected(new MessageRef(m.Id, Uuid.New(), m.Contact, Uuid.New(), null, "template", "outbound"), OptedOut, "said",
                null, Noon)])]))], TestContext.Current.CancellationToken);
        outcomes.ShouldAllBe(outcome => outcome.Verdict == AppendVerdict.Ok);
    }
}
