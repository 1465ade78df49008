using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Bsp.IntegrationTests.Views;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Projections;

/// <summary>The process manager answers each event exactly once, whatever is killed when and however many processes race.</summary>
public sealed class SendReactorTests(StoresFixture fixture)
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_number_that_Meta_stopped_pauses_its_campaign_once_and_names_the_cause()
    {
        await using var world = await World.NewAsync(fixture);
        var campaign = await world.RunningAsync();
        var (one, two) = (await world.RejectAsync(campaign, 131048), await world.RejectAsync(campaign, 131048));
        await world.RejectAsync(campaign, 131026); // says nothing about the campaign

        await world.WithRunnersAsync(1, () => Task.CompletedTask);
        var paused = (await world.FactsAsync(campaign)).Single(e => e.Body is CampaignPaused);
        ((CampaignPaused)paused.Body!).Reason.ShouldBe("Meta 131048: said");
        (paused.Metadata.CausationId, paused.Metadata.UserName).ShouldBe((one.ToString(), ViewNames.SendConsequences));
        (await world.FactsAsync(campaign)).ShouldNotContain(e => e.Metadata.CausationId == two.ToString());
    }

    [Fact]
    public async Task What_people_did_since_stands()
    {
        await using var world = await World.NewAsync(fixture);
        var (campaign, contact) = (await world.RunningAsync(), await world.ContactAsync("OPTED_IN"));
        await world.RejectAsync(campaign, 131048);
        await world.RejectAsync(null, 131050, contact);
        var since = DateTimeOffset.UtcNow.AddMinutes(1);
        await world.AppendAsync(campaign, "campaign", new CampaignPaused(campaign, "by hand", Noon), new CampaignResumed(campaign, since));
        await world.AppendAsync(contact, "contact", new ContactConsentChanged(contact, "OPTED_IN", "api", "form", since));

        await world.WithRunnersAsync(1, () => Task.CompletedTask);
        (await world.FactsAsync(campaign)).Count(e => e.Body is CampaignPaused).ShouldBe(1);
        (await world.FactsAsync(contact)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task What_it_changed_is_read_from_no_cached_copy_any_more()
    {
        await using var world = await World.NewAsync(fixture);
        var phone = $"+49151{Random.Shared.NextInt64(100_000_000):D8}";
        var (campaign, contact) = (await world.RunningAsync(), await world.ContactAsync("OPTED_IN", phone));
        Task<string?> ShownAsync() =>
            world.Contacts.GetAsync(world.Organization, phone, async () =>
                (string?)await world.Database.ScalarAsync<string>("SELECT consent_status FROM contacts WHERE id = $1", contact), Ct);
        (await ShownAsync()).ShouldBe("OPTED_IN");
        await world.Caches.Campaigns.SetAsync(campaign, 1, "RUNNING", Ct);
        await world.RejectAsync(campaign, 131048);
        await world.RejectAsync(null, 131050, contact);

        // Somebody looked before the change and writes what they saw after it: not kept either.
        var slow = await world.ReadAndWaitAsync(phone, "OPTED_IN");
        await world.WithRunnersAsync(1, () => Task.CompletedTask);
        (await world.Caches.Campaigns.FindAsync<string>(campaign, Ct)).ShouldBeNull();
        slow.Go.SetResult();
        (await slow.Reading).ShouldBe("OPTED_IN");
        (await ShownAsync()).ShouldBe("OPTED_OUT");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Each_opt_out_is_recorded_exactly_once_by_two_processes_that_die_at_random(int seed)
    {
        await using var world = await World.NewAsync(fixture);
        var random = new Random(seed);
        await world.RunningAsync(); // our own store knows the organization's shard from here on, and asks no connection that is being ended
        var contacts = new List<Guid>();
        var writing = true;
        var killing = Task.Run(async () =>
        {
            while (Volatile.Read(ref writing))
            {
                // Connections of locks, of the log's readers and of the pool in which the answers are written: at whatever statement they
                // are.
                await world.Database.ScalarAsync<long>(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'bsp_app' AND application_name IN ('bsp projections', 'bsp read', '') AND random() < 0.5");
                await Task.Delay(random.Next(5, 60), Ct);
            }
        }, Ct);
        await world.WithRunnersAsync(2, async () =>
        {
            for (var n = 0; n < 60; n++)
            {
                contacts.Add(await world.ContactAsync("OPTED_IN"));
                await world.RejectAsync(null, 131050, contacts[^1]);
            }

            Volatile.Write(ref writing, false);
            await killing;
            world.Database.Shard.App.Clear(); // of connections that were ended while they lay in the pool
        });

        foreach (var contact in contacts)
        {
            var fact = (await world.FactsAsync(contact)).ShouldHaveSingleItem();
            ((ContactConsentChangedV2)fact.Body!).Source.ShouldBe("meta_131050");
        }

        (await world.Database.ScalarAsync<long>("SELECT count(*) FROM contacts WHERE consent_status = 'OPTED_OUT'"))
            .ShouldBe(contacts.Count);
        (await world.Database.ScalarAsync<long>("SELECT count(*) FROM bsp.parked_events")).ShouldBe(0);
    }

    [Fact]
    public async Task Killed_between_its_append_and_its_commit_it_leaves_neither_answer_nor_checkpoint()
    {
        await using var world = await World.NewAsync(fixture);
        var campaign = await world.RunningAsync();
        await world.RejectAsync(campaign, 131031);
        await world.Database.ExecuteAsync("""
            CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.type = 'campaign_paused' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$;
            ALTER FUNCTION public.die() SECURITY DEFINER;
            CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON mt_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.die();
            """); // at the commit itself: all is written, nothing is final
        var end = await world.EndAsync();
        await using var store = world.NewStore();
        var reactor = world.NewReactor(store);
        var before = await reactor.CheckpointAsync(world.Database.Shard, Ct);
        var page = new EventPage(world.Database.Shard, before, end, (await world.PageAsync(before)).Where(e => e.Type == "message_rejected")
            .ToList());
        await Should.ThrowAsync<Npgsql.NpgsqlException>(reactor.ApplyAsync(page, Ct));
        (await world.FactsAsync(campaign)).ShouldNotContain(e => e.Body is CampaignPaused);
        (await reactor.CheckpointAsync(world.Database.Shard, Ct)).ShouldBe(before);

        await world.Database.ExecuteAsync("DROP TRIGGER dies ON mt_events");
        await reactor.ApplyAsync(page, Ct);
        await Should.ThrowAsync<CheckpointMoved>(reactor.ApplyAsync(page, Ct)); // replayed: somebody has answered
        (await world.FactsAsync(campaign)).Count(e => e.Body is CampaignPaused).ShouldBe(1);
    }

    [Fact]
    public async Task A_person_who_became_part_of_another_contact_between_the_look_and_the_answer_has_still_opted_out()
    {
        await using var world = await World.NewAsync(fixture);
        var (absorbed, survivor) = (await world.ContactAsync("OPTED_IN"), await world.ContactAsync("OPTED_IN"));
        await world.RejectAsync(null, 131050, absorbed);
        await world.AppendAsync(absorbed, "contact", new ContactAbsorbed(absorbed, survivor, Noon)); // what the rows do not show yet
        var end = await world.EndAsync();
        await using var store = world.NewStore();
        var reactor = world.NewReactor(store);
        var before = await reactor.CheckpointAsync(world.Database.Shard, Ct);
        var page = new EventPage(world.Database.Shard, before, end, (await world.PageAsync(before)).Where(e => e.Type == "message_rejected")
            .ToList());
        await Should.ThrowAsync<Application.Common.VersionConflict>(reactor.ApplyAsync(page, Ct));
        (await reactor.CheckpointAsync(world.Database.Shard, Ct)).ShouldBe(before);

        await world.Database.ExecuteAsync(
            "INSERT INTO bsp.contact_aliases (contact_id, organization_id, into_id, merged_at) SELECT id, organization_id, $2, now() FROM contacts WHERE id = $1", absorbed, survivor);
        await world.Database.ExecuteAsync("DELETE FROM contacts WHERE id = $1", absorbed);
        await reactor.ApplyAsync(page, Ct);
        ((ContactConsentChangedV2)(await world.FactsAsync(survivor)).ShouldHaveSingleItem().Body!).Status.ShouldBe("OPTED_OUT");
        (await world.FactsAsync(absorbed)).Count.ShouldBe(1);
    }

    private sealed class World(ViewsDatabase database, Guid organization, PostgresEventStore store, RedisConnection redis)
        : IAsyncDisposable
    {
        public ViewsDatabase Database => database;

        public static async Task<World> NewAsync(StoresFixture fixture)
        {
            var database = await ViewsDatabase.NewAsync(fixture);
            return new(database, await database.NewOrganizationAsync(), Store(database), new(fixture.Stores.Redis));
        }

        public PostgresEventStore NewStore() => Store(database);

        public RowCaches Caches { get; } = new(redis, NullLogger<JsonCache>.Instance);

        public ContactCache Contacts { get; } = new(redis, NullLogger<ContactCache>.Instance);

        public Guid Organization => organization;

        /// <summary>A reader who has found no copy, holds the row as it is now, and keeps it only when told to go on.</summary>
        public async Task<(TaskCompletionSource Go, Task<string?> Reading)> ReadAndWaitAsync(string phone, string row)
        {
            var (reads, go) =
                (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously),
                    new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            await Contacts.RemoveAsync(organization, phone, Ct);
            var reading = Contacts.GetAsync<string>(organization, phone, async () =>
            {
                reads.SetResult();
                await go.Task;
                return row;
            }, Ct);
            await reads.Task;
            return (go, reading);
        }

        public SendReactor NewReactor(PostgresEventStore own) => new(own, new Plain(), Caches, Contacts, TimeProvider.System);

        public async Task<Guid> RunningAsync()
        {
            var id = Uuid.New();
            await AppendAsync(id, "campaign", new CampaignResumed(id, Noon));
            return id;
        }

        public async Task<Guid> ContactAsync(string consent, string? phone = null)
        {
            var id = Uuid.New();
            await database.ExecuteAsync(
                "INSERT INTO contacts (id, organization_id, consent_status, phone_number) VALUES ($1, $2, $3, nullif($4, ''))", id,
                organization, consent, phone ?? "");
            return id;
        }

        /// <summary>Id of the event.</summary>
        public async Task<Guid> RejectAsync(Guid? campaign, int code, Guid? contact = null)
        {
            var message = Uuid.New();
            var of = new MessageRef(message, Uuid.New(), contact ?? Uuid.New(), Uuid.New(), campaign, "template", "outbound");
            await AppendAsync(message, "message", new MessageRejected(of, code, "said", null, Noon));
            return (await FactsAsync(message))[0].Id;
        }

        public async Task AppendAsync(Guid stream, string type, params object[] events) =>
            (await store.AppendAsync(organization, [new(stream, type, null, events)],
                Ct)).Verdict.ShouldBe(Application.EventStore.AppendVerdict.Ok);

        public async Task<IReadOnlyList<Application.EventStore.StoredEvent>> FactsAsync(Guid stream) =>
            (await store.LoadAsync(organization, stream, Ct)).Events;

        public Task<long> EndAsync() => database.ScalarAsync<long>("SELECT bsp.last_event(last_value) FROM mt_events_sequence");

        public async Task<IReadOnlyList<Application.EventStore.StoredEvent>> PageAsync(long after)
        {
            await using var reader = new LogReader(database.Shard, new());
            return (await reader.ReadAsync(after, null, 1_000, Ct)).Events;
        }

        /// <summary>
        /// Does the work with so many processes running the process manager, then waits until all of the log is answered.
        /// </summary>
        public async Task WithRunnersAsync(int count, Func<Task> work)
        {
            var processes = Enumerable.Range(0, count).Select(_ => (Readers: new LogReaders(new()), Store: Store(database))).Select(p =>
                (p.Readers, p.Store,
                    Runner: new ProjectionRunner([NewReactor(p.Store)], database.Shards, p.Readers, LogDatabase.NewSignals(),
                        TimeProvider.System, NullLogger<ProjectionRunner>.Instance))).ToList();
            foreach (var process in processes)
            {
                await process.Runner.StartAsync(Ct);
            }

            await work();
            await processes[0].Runner.WaitAsync(ViewNames.SendConsequences, database.Shard, await EndAsync(), RunnerProcess.Patience, Ct);
            foreach (var process in processes)
            {
                await process.Runner.StopAsync(Ct);
                await process.Store.DisposeAsync();
                await process.Readers.DisposeAsync();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await store.DisposeAsync();
            await database.DisposeAsync();
            await redis.DisposeAsync();
        }

        private static PostgresEventStore Store(ViewsDatabase database) =>
            new(database.Shards, [new CampaignsView(), new CampaignDispatchView(), new ContactConsentView()], LogDatabase.NewSignals(),
                new(), TimeProvider.System);
    }
}
