using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Retention;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Retention;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Archives;

public sealed class ArchiveTests(StoresFixture fixture)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_past_its_time_is_archived_and_gone_and_every_view_built_anew_is_the_same()
    {
        await using var world = await RetentionWorld.NewAsync(fixture, 341, 200, whole: true);
        await world.SealAsync();
        var (all, before) = (await world.CountAsync("documents.messages"), world.Clock.Now.AddDays(-730));
        var due = await world.CountAsync($"documents.messages WHERE created_at < '{before:O}'");
        due.ShouldBeInRange(20, all - 20);
        (await world.CountAsync("documents.ai_conversations")).ShouldBeGreaterThan(0);
        var whole = await world.TextAsync("(SELECT _id, doc FROM documents.messages)");
        var states = await StatesAsync(world);

        (await DueAsync(world)).ShouldBe(due);
        (await world.CarryAsync(world.Ai)).ShouldBeGreaterThan(0);
        (await world.CarryAsync(world.Messages)).ShouldBe((int)due);
        (await world.CountAsync("documents.messages")).ShouldBe(all); // the views take them away, by the log
        (await world.CarryAsync(world.Messages)).ShouldBe(0); // and until they have, nothing is archived twice
        await world.FollowAsync();

        (await world.CountAsync("documents.messages")).ShouldBe(all - due);
        (await world.CountAsync($"documents.messages WHERE created_at < '{before:O}'")).ShouldBe(0);
        (await world.CountAsync("documents.ai_conversations")).ShouldBe(0);
        (await world.CountAsync("documents.conversations c WHERE NOT EXISTS (SELECT FROM documents.messages m "
            + "WHERE m.conversation_id = c._id)")).ShouldBe(0);
        (await world.CarryAsync(world.Messages)).ShouldBe(0);
        var left = await world.ContentAsync();
        await world.RebuildAsync();
        foreach (var (table, content) in await world.ContentAsync())
        {
            content.ShouldBe(left[table], table);
        }

        // the log: nothing of a person is left in what went, each stream comes to the same, and its days hold
        (await world.CountAsync("bsp.retired_contents")).ShouldBeGreaterThan(due - 1);
        (await world.CountAsync("mt_events WHERE seq_id IN (SELECT seq_id FROM bsp.retired_contents) AND data::text ~ '\"data\": \"[^\"]'"))
            .ShouldBe(0);
        (await StatesAsync(world)).ShouldBe(states);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();

        // the archives: as they were kept, and a conversation comes back as it was
        var archives = await world.CheckedAsync();
        archives.ShouldAllBe(archive => archive.Fault == null && archive.Unreadable == 0);
        archives.Where(archive => archive.Kind == "messages").Sum(archive => archive.Documents).ShouldBeGreaterThanOrEqualTo((int)due);
        await RestoredAsync(world, whole);
        await TamperedAsync(world);
    }

    [Fact]
    public async Task A_store_that_is_away_full_or_forgetful_deletes_nothing_shows_it_and_the_work_goes_on_later()
    {
        await using var world = await RetentionWorld.NewAsync(fixture, 342, 60);
        var content = await world.TextAsync("documents.messages");
        using var worker = new RetentionWorker(world.Database.Shards, [world.Messages], new(), world.Clock,
            NullLogger<RetentionWorker>.Instance);
        var health = new RetentionHealth(world.Database.Shards);
        for (var call = 1; call <= 4; call++)
        {
            foreach (var late in new[] { false, true })
            {
                world.Objects.Begin(call, late);
                await worker.HurryAsync(Ct);
                (await worker.WorkAsync(Ct)).ShouldBeTrue();
                world.Objects.Calls.ShouldBeGreaterThanOrEqualTo(call);
                (await health.CheckAsync(Ct)).ShouldNotBeNull().ShouldContain("Object storage");
                await world.FollowAsync();
                (await world.TextAsync("documents.messages")).ShouldBe(content);
                (await world.CountAsync("bsp.retired_contents")).ShouldBe(0);
            }
        }

        world.Objects.Begin(0, false);
        world.Objects.Cuts = true;
        await worker.HurryAsync(Ct);
        await worker.WorkAsync(Ct);
        (await health.CheckAsync(Ct)).ShouldNotBeNull().ShouldContain("message_content");
        (await world.CountAsync("bsp.retired_contents")).ShouldBe(0);

        // it dies in the middle of the last transaction
        world.Objects.Cuts = false;
        await world.Database.ExecuteAsync("""
            CREATE FUNCTION dies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'dies here' USING ERRCODE = '57P01'; END $$;
            CREATE TRIGGER dies BEFORE INSERT ON bsp.archive_parts FOR EACH STATEMENT EXECUTE FUNCTION dies();
            """);
        await worker.HurryAsync(Ct);
        await worker.WorkAsync(Ct);
        (await health.CheckAsync(Ct)).ShouldNotBeNull();
        (await world.CountAsync("bsp.retired_contents")).ShouldBe(0);
        await world.Database.ExecuteAsync("DROP TRIGGER dies ON bsp.archive_parts; DROP FUNCTION dies()");

        await worker.HurryAsync(Ct);
        await worker.WorkAsync(Ct);
        (await health.CheckAsync(Ct)).ShouldBeNull();
        await world.FollowAsync();
        (await world.CountAsync("documents.messages")).ShouldBeLessThan(60);
        (await world.CountAsync("bsp.archives WHERE state = 'writing'")).ShouldBe(0);
        (await world.Check.StrayAsync(world.Log.OrganizationId, Ct)).ShouldBeEmpty();
        (await world.CheckedAsync()).ShouldHaveSingleItem().Fault.ShouldBeNull();
    }

    [Fact]
    public async Task Who_is_held_stays_a_shorter_policy_holds_and_an_erasure_reaches_the_archives()
    {
        await using var world = await RetentionWorld.NewAsync(fixture, 343, 80);
        var organization = world.Log.OrganizationId;
        await world.Database.ExecuteAsync("""
            INSERT INTO documents.message_logs (_id, organization_id, position, message_id, event_type, created_at, doc)
            SELECT int8send(n), $1, 1, int8send(n), 'sent',
                   $2::timestamptz - CASE WHEN n <= 4500 THEN interval '31 days' ELSE interval '8 days' END, '{}'
              FROM generate_series(1::bigint, 4503) n
            """, organization, world.Clock.Now.UtcDateTime);
        var logs = new MessageLogsStep(world.Database.Shards, world.Old, world.Clock);
        var held = await world.Database.ScalarAsync<Guid>(
            "SELECT contact_id FROM documents.messages WHERE created_at < $1 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
            world.Clock.Now.AddDays(-730).UtcDateTime);
        await HoldAsync(null);
        (await world.CarryAsync(world.Messages) + await world.CarryAsync(logs)).ShouldBe(0);

        await world.Database.ExecuteAsync("UPDATE bsp.legal_holds SET released_at = now()");
        await HoldAsync(held);
        (await world.CarryAsync(logs)).ShouldBeGreaterThanOrEqualTo(4_500);
        await world.Database.ExecuteAsync("INSERT INTO bsp.retention_policies (organization_id, message_logs_days) VALUES ($1, 7)",
            organization);
        (await world.CarryAsync(logs)).ShouldBe(3);
        world.Clock.Now = world.Clock.Now.AddDays(10); // everything is due
        var (own, all) = (await world.CountAsync($"documents.messages WHERE contact_id = '{held}'"),
            await world.CountAsync("documents.messages"));
        (await world.CarryAsync(world.Messages)).ShouldBe((int)(all - own));
        await world.FollowAsync();
        (await world.CountAsync("documents.messages")).ShouldBe(own);

        // erased: the key is gone, and with it what the archive says
        var gone = await world.Database.ScalarAsync<Guid>(
            "SELECT contact_id FROM bsp.archive_parts WHERE organization_id = $1 ORDER BY messages DESC, contact_id LIMIT 1", organization);
        var conversation = await world.Database.ScalarAsync<Guid>(
            "SELECT conversation_id FROM bsp.archive_parts WHERE contact_id = $1 LIMIT 1", gone);
        (await world.Restores.ReadAsync(world.Database.Shard, organization, conversation, Ct)).Messages.ShouldNotBeEmpty();
        await world.Database.ExecuteAsync("DELETE FROM bsp.contact_keys WHERE contact_id = $1", gone);
        world.Personal.Forget(organization, gone);
        var erased = await world.Restores.ReadAsync(world.Database.Shard, organization, conversation, Ct);
        (erased.Messages.Count, erased.Erased > 0).ShouldBe((0, true));
        (await world.CheckedAsync()).ShouldAllBe(archive => archive.Fault == null);

        Task HoldAsync(Guid? contact) => world.Database.ExecuteAsync("""
            INSERT INTO bsp.legal_holds (id, organization_id, contact_id, reason, placed_at, placed_by)
            VALUES (gen_random_uuid(), $1, nullif($2, '00000000-0000-0000-0000-000000000000'::uuid), 'a court', now(), 'test')
            """, organization, contact ?? Guid.Empty);
    }

    [Fact]
    public async Task Yesterdays_backup_beside_todays_archives_loses_nothing_and_what_is_nobodys_is_named()
    {
        await using var today = await RetentionWorld.NewAsync(fixture, 345, 60);
        var organization = today.Log.OrganizationId;
        var whole = await today.TextAsync("(SELECT _id, doc FROM documents.messages)");
        await using var yesterday = await today.BackupAsync(fixture);
        var gone = await today.CarryAsync(today.Messages);
        gone.ShouldBeGreaterThan(0);
        await today.FollowAsync();
        var kept = (await today.CheckedAsync()).ShouldHaveSingleItem();

        // the database of yesterday, and the object storage of today
        (await yesterday.TextAsync("(SELECT _id, doc FROM documents.messages)")).ShouldBe(whole);
        (await yesterday.Check.StrayAsync(organization, Ct)).ShouldContain(kept.ObjectKey);
        (await yesterday.CarryAsync(yesterday.Messages)).ShouldBe(gone);
        await yesterday.FollowAsync();

        var again = (await yesterday.CheckedAsync()).ShouldHaveSingleItem();
        (again.Fault, again.Documents).ShouldBe((null, kept.Documents));
        again.ObjectKey.ShouldNotBe(kept.ObjectKey);
        (await yesterday.CountAsync("documents.messages")).ShouldBe(await today.CountAsync("documents.messages"));
        var conversation = await yesterday.Database.ScalarAsync<Guid>(
            "SELECT conversation_id FROM bsp.archive_parts GROUP BY 1 ORDER BY sum(messages) DESC, 1 LIMIT 1");
        (await yesterday.Restores.ReadAsync(yesterday.Database.Shard, organization, conversation, Ct)).Messages.ShouldNotBeEmpty();
        (await yesterday.Check.StrayAsync(organization, Ct)).ShouldContain(kept.ObjectKey, "it stays, and is named");
    }

    private static async Task<long> DueAsync(RetentionWorld world)
    {
        var due = 0L;
        await foreach (var row in world.Messages.DueAsync(world.Database.Shard, null, Ct))
        {
            (row.Kind, row.Held).ShouldBe((RetentionRules.MessageContent, false));
            due += row.Due;
        }

        return due;
    }

    // Where each message stands by its stream, archived or not.
    private static async Task<string> StatesAsync(RetentionWorld world)
    {
        var streams = world.Log.Events.Where(e => e.Body is MessageEvent).Select(e => e.StreamId).Distinct().Order().ToList();
        return string.Join('\n', (await world.Store.LoadManyAsync(world.Log.OrganizationId, streams, Ct)).Select(s =>
            $"{s.StreamId} {s.Version} {s.Fold<Message, MessageEvent>() with { Content = null }}"));
    }

    private static async Task RestoredAsync(RetentionWorld world, string whole)
    {
        var conversation = await world.Database.ScalarAsync<Guid>("""
            SELECT conversation_id FROM bsp.archive_parts GROUP BY 1 ORDER BY sum(messages) DESC, 1 LIMIT 1
            """);
        var back = await world.Restores.RestoreAsync(world.Log.OrganizationId, conversation, 30, Ct);
        back.Messages.ShouldBeGreaterThan(0);
        var lines = (await world.TextAsync($"""
            (SELECT _id, doc FROM documents.messages WHERE doc ->> 'conversation_uuid' = '{conversation}')
            """)).Split('\n');
        lines.Length.ShouldBeGreaterThanOrEqualTo(back.Messages);
        lines.Except(whole.Split('\n')).ShouldBeEmpty(); // each of them as it was
        (await world.CarryAsync(world.Messages)).ShouldBe(0); // it is left alone for that time
        world.Clock.Now = world.Clock.Now.AddMinutes(1);
        (await Should.ThrowAsync<Domain.Common.Refusal>(world.Restores.RestoreAsync(world.Log.OrganizationId, Guid.NewGuid(), 1, Ct)))
            .Code.ShouldBe("archive.unknown");
    }

    private static async Task TamperedAsync(RetentionWorld world)
    {
        var seq = await world.Database.ScalarAsync<long>("SELECT min(seq_id) FROM bsp.retired_contents");
        var kept = await world.Database.ScalarAsync<string>("SELECT data::text FROM mt_events WHERE seq_id = $1", seq);
        await world.Database.ExecuteAsync("UPDATE mt_events SET data = data || '{\"source\": \"forged\"}' WHERE seq_id = $1", seq);
        (await world.AuditAsync()).Findings.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            f => f.Kind.ShouldBe("event.altered"), f => f.Sequence.ShouldBe(seq));

        // whoever owns the database writes the hash of the forgery beside it: the archive's own event says otherwise
        await world.Database.ExecuteAsync("""
            UPDATE bsp.retired_contents r SET kept = sha256(convert_to(e.data::text, 'UTF8')) FROM mt_events e
             WHERE e.seq_id = r.seq_id AND r.seq_id = $1
            """, seq);
        (await world.AuditAsync()).Findings.ShouldHaveSingleItem().Kind.ShouldBe("contents.altered");
        await world.Database.ExecuteAsync("UPDATE mt_events SET data = $2::jsonb WHERE seq_id = $1", seq, kept);
        await world.Database.ExecuteAsync("""
            UPDATE bsp.retired_contents r SET kept = sha256(convert_to(e.data::text, 'UTF8')) FROM mt_events e
             WHERE e.seq_id = r.seq_id AND r.seq_id = $1
            """, seq);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();

        var archive = (await world.CheckedAsync())[0];
        using var changed = new MemoryStream();
        await using (var stored = (await world.Objects.OpenAsync(archive.ObjectKey, 0, Ct))!)
        {
            await stored.CopyToAsync(changed, Ct);
        }

        changed.GetBuffer()[(int)changed.Length - 3] ^= 1;
        await world.Objects.PutAsync(archive.ObjectKey, changed, Ct);
        (await world.CheckedAsync()).Count(found => found.Fault is not null).ShouldBe(1);
    }
}
