using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Conversations;

/// <summary>A call to Meta that is late is not made again: what Meta is told is counted.</summary>
public sealed class PatientApp(StoresFixture stores) : TenantApp(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings => [.. base.Settings, ("Bsp:Meta:TimeoutSeconds", "60")];
}

/// <summary>What agents do in the inbox, over HTTP against real stores and the simulator.</summary>
public sealed class InboxTests(PatientApp app) : IClassFixture<PatientApp>
{
    private static int numbers;

    private HttpClient Api => app.Tenant.Api;

    [Fact]
    public async Task Of_two_who_answer_at_once_having_seen_the_same_one_is_told_of_the_other_unless_forced()
    {
        var (ann, bert) = (await app.NewPersonAsync(Api, "agent"), await app.NewPersonAsync(Api, "agent"));
        var id = await CustomerWritesAsync("Where is my order?");
        var seen = await SeenAsync();
        var answers = await Task.WhenAll(new[] { ann, bert }.Select(person => ReplyAsync(person.Client, id, seen, false)));
        answers.Select(a => a.Status).Order().ShouldBe([201, 409]);
        var (late, lateAnswer) = answers[0].Status == 409 ? (ann, answers[0]) : (bert, answers[1]);
        lateAnswer.ShouldBeProblem(409, "conversation.answered_meanwhile");
        (await ReplyAsync(late.Client, id, seen, true)).Status.ShouldBe(201);
        // the colleague's answer is still later than what was seen
        (await ReplyAsync(late.Client, id, seen, false)).ShouldBeProblem(409, "conversation.answered_meanwhile");
        var now = answers.Single(a => a.Status == 201).Header("Bsp-Position")!;
        (await ReplyAsync(late.Client, id, now, false)).Status.ShouldBe(201); // one's own answers are no colleague's
        (await ReplyAsync(late.Client, id, "nonsense", false)).ShouldBeProblem(400, "request.invalid");
        var shown = await Patience.UntilAsync(() => ConversationAsync(id), c => c["waiting_since"].ValueKind == JsonValueKind.Null,
            "nobody waits any more");
        shown["episode"].GetProperty("number").GetInt32().ShouldBe(1);
        shown["episode"].GetProperty("first_response_by").GetString().ShouldBe((late == ann ? bert : ann).Id.ToString());
    }

    [Fact]
    public async Task Reading_tells_meta_once_and_what_comes_later_is_unread()
    {
        var id = await CustomerWritesAsync("one");
        await NothingToTellAsync(); // of another test
        var before = MarkedRead;
        var read = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Api.SendAsync("POST", $"/v1/conversations/{id}/read")));
        read.ShouldAllBe(r => r.Status == 200);
        (await Patience.UntilAsync(() => ConversationAsync(id), c =>
            c["unread_count"].GetInt32() == 0, "nothing is unread")).Status.ShouldBe(200);
        await Patience.UntilAsync(() => Task.FromResult(MarkedRead), n => n == before + 1, "Meta is told");
        await NothingToTellAsync();
        MarkedRead.ShouldBe(before + 1);
        await CustomerWritesAsync("two", lastNumber: true);
        (await Patience.UntilAsync(() => ConversationAsync(id), c =>
            c["last_message_preview"].GetString() == "two", "the next is shown"))["unread_count"].GetInt32().ShouldBe(1);
        (await Api.SendAsync("POST", $"/v1/conversations/{id}/typing")).Status.ShouldBe(204);
        MarkedRead.ShouldBe(before + 2);
        (await Patience.UntilAsync(() => ConversationAsync(id), c =>
            c["unread_count"].GetInt32() == 0, "typing is reading")).Status.ShouldBe(200);
        (await Api.SendAsync("POST", $"/v1/conversations/{id}/read")).Status.ShouldBe(200); // Meta has been told by the typing
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.read_marks")).ShouldBe("0");
    }

    [Fact]
    public async Task Notes_tell_the_mentioned_and_a_teams_members_not_the_writer_and_are_gone_with_the_contact()
    {
        var (ann, bert, cleo) =
            (await app.NewPersonAsync(Api, "agent"), await app.NewPersonAsync(Api, "agent"), await app.NewPersonAsync(Api, "viewer"));
        var team = (await AppFixture.CreatedAsync(Api, "/v1/teams",
            new { name = $"T{Guid.NewGuid():N}"[..20], member_ids = new[] { ann.Id, cleo.Id } })).GetProperty("id").GetGuid();
        var id = await CustomerWritesAsync("Hello");
        var note = await ann.Client.SendAsync("POST", $"/v1/conversations/{id}/notes",
            new { text = "Careful: VIP ❤", mentions = new[] { bert.Id, ann.Id }, mention_teams = new[] { team } });
        note.Status.ShouldBe(201, note.Text);
        note["mentions"].EnumerateArray().Select(m => m.GetGuid()).Order().ShouldBe(new[] { bert.Id, cleo.Id }.Order());
        (await cleo.Client.SendAsync("POST", $"/v1/conversations/{id}/notes", new { text = "x" })).ShouldBeProblem(403, "access.denied");
        (await ann.Client.SendAsync("POST", $"/v1/conversations/{id}/notes", new { text = "x", mentions = new[] { Guid.NewGuid() } }))
            .ShouldBeProblem(404, "user.unknown");
        (await ann.Client.SendAsync("POST", $"/v1/conversations/{id}/notes", new { text = " " })).ShouldBeProblem(400, "request.invalid");
        var shown = await cleo.Client.SendAsync("GET", $"/v1/conversations/{id}/notes");
        shown["data"][0].GetProperty("text").GetString().ShouldBe("Careful: VIP ❤");
        (await bert.Client.SendAsync("GET", "/v1/mentions?unseen=true"))["data"].GetArrayLength().ShouldBe(1);
        (await ann.Client.SendAsync("GET", "/v1/mentions"))["data"].GetArrayLength().ShouldBe(0);
        (await bert.Client.SendAsync("POST", $"/v1/conversations/{id}/read")).Status.ShouldBe(200);
        (await bert.Client.SendAsync("GET", "/v1/mentions?unseen=true"))["data"].GetArrayLength().ShouldBe(0);
        var contact = (await ConversationAsync(id))["contact_id"].GetGuid();
        (await Api.SendAsync("POST", $"/v1/contacts/{contact}/erase")).Status.ShouldBe(202);
        await Patience.UntilAsync(() => app.Views.ScalarAsync("""
            SELECT (SELECT count(*) FROM bsp.conversation_notes WHERE conversation_id = $1)
              + (SELECT count(*) FROM bsp.mentions WHERE conversation_id = $1)
            """, id), n => n == "0", "the notes and who was mentioned in them are gone");
    }

    [Fact]
    public async Task The_list_keeps_what_is_asked_for_and_pages_through_all_of_it_once()
    {
        var ann = await app.NewPersonAsync(Api, "agent");
        var ids = new List<Guid>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add(await CustomerWritesAsync($"filter {i}"));
        }

        var tag = $"t{Guid.NewGuid():N}";
        foreach (var id in ids)
        {
            (await Api.SendAsync("PATCH", $"/v1/conversations/{id}", new { tags = new[] { tag } })).Status.ShouldBe(200);
        }

        (await Api.SendAsync("PATCH", $"/v1/conversations/{ids[0]}", new { priority = "urgent" })).Status.ShouldBe(200);
        (await Api.SendAsync("POST", $"/v1/conversations/{ids[1]}/assign", new { user_id = ann.Id })).Status.ShouldBe(200);
        (await Api.SendAsync("POST", $"/v1/conversations/{ids[2]}/read")).Status.ShouldBe(200);
        (await Api.SendAsync("PATCH", $"/v1/conversations/{ids[3]}", new { status = "archived" })).Status.ShouldBe(200);
        (await Api.SendAsync("POST", $"/v1/conversations/{ids[4]}/snooze",
            new { until = DateTimeOffset.UtcNow.AddHours(1) })).Status.ShouldBe(200);
        foreach (var (filter, expected) in new (string, int[])[]
        {
            ("", [4, 3, 2, 1, 0]), ("&priority=urgent", [0]), ($"&assigned_to={ann.Id}", [1]), ("&unassigned=true", [4, 3, 2, 0]),
                ("&unread=false", [2]), ("&unread=true", [4, 3, 1, 0]), ("&status=archived", [3]),
            ("&snoozed=true", [4]), ("&snoozed=false&status=active", [2, 1, 0]), ("&window_open=false", []),
            ("&window_open=true&status=active&unread=true", [4, 1, 0]), ($"&team_id={Guid.NewGuid()}", []),
        })
        {
            (await Api.SendAsync("GET", $"/v1/conversations?tag={tag}{filter}"))["data"].EnumerateArray()
                .Select(c => ids.IndexOf(c.GetProperty("id").GetGuid())).Order().ShouldBe(expected.Order(), filter);
        }

        var paged = new List<Guid>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await Api.SendAsync("GET", $"/v1/conversations?tag={tag}&limit=2{(cursor.Length == 0 ? "" : "&cursor=" + cursor)}");
            paged.AddRange(page["data"].EnumerateArray().Select(c => c.GetProperty("id").GetGuid()));
            cursor = page["next_cursor"].GetString();
        }

        paged.Order().ShouldBe(ids.Order());
        (await Api.SendAsync("GET", "/v1/conversations?priority=asap")).ShouldBeProblem(400, "request.invalid");
        (await Api.SendAsync("GET", "/v1/conversations?unread=maybe")).Status.ShouldBe(400);
        var history = await Api.SendAsync("GET", $"/v1/conversations/{ids[1]}/history");
        history["data"].EnumerateArray().Select(e => e.GetProperty("type").GetString())
            .ShouldBe(["conversation_classified", "conversation_assigned"]);
        await CustomerWritesAsync("again", ids.Count - 3); // the one that was archived: it is open again, in a new episode
        var open = await Patience.UntilAsync(() => ConversationAsync(ids[3]), c => c["status"].GetString() == "active", "it is open again");
        open["episode"].GetProperty("number").GetInt32().ShouldBe(2);
    }

    [Fact]
    public async Task A_team_gives_in_turn_to_who_is_online_up_to_their_capacity_and_takes_back_from_who_went_away()
    {
        using var tenant = await app.NewTenantAsync();
        var (ann, bert) = (await app.NewPersonAsync(tenant.Api, "agent"), await app.NewPersonAsync(tenant.Api, "agent"));
        var team = await AppFixture.CreatedAsync(tenant.Api, "/v1/teams",
            new { name = "Support", assignment = "round_robin", capacity = 2, member_ids = new[] { ann.Id, bert.Id },
                account_ids = new[] { tenant.AccountId } });
        var teamId = team.GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("POST", "/v1/teams", new { name = "Support" })).ShouldBeProblem(409, "team.name_taken");
        (await tenant.Api.SendAsync("POST", "/v1/teams", new { name = "Other", account_ids = new[] { tenant.AccountId } }))
            .ShouldBeProblem(409, "team.account_taken");
        (await ann.Client.SendAsync("PUT", "/v1/presence", new { status = "online" })).Status.ShouldBe(204);
        for (var i = 0; i < 4; i++)
        {
            await PostAsync(tenant, $"9198333{Interlocked.Increment(ref numbers):00000}", "help");
        }

        // Nobody is given more than they can take; the others wait for who comes.
        await Patience.UntilAsync(() => WhileOnlineAsync(tenant, ann.Id, ann), n => n == 2, "Ann is given two");
        (await ann.Client.SendAsync("PUT", "/v1/presence", new { status = "online" })).Status.ShouldBe(204);
        (await OfAsync(tenant, ann.Id)).ShouldBe(2);
        (await bert.Client.SendAsync("PUT", "/v1/presence", new { status = "online" })).Status.ShouldBe(204);
        await Patience.UntilAsync(() => WhileOnlineAsync(tenant, bert.Id, ann, bert), n => n == 2, "Bert is given the rest");

        // What was Ann's waits for an answer, and she is gone for a minute (by a clock that stands still and is put forward): back to the
        // team.
        (await ann.Client.SendAsync("PUT", "/v1/presence", new { status = "offline" })).Status.ShouldBe(204);
        (await tenant.Api.SendAsync("PATCH", $"/v1/teams/{teamId}", new { capacity = 10 })).Status.ShouldBe(200);
        var ahead = new Ahead();
        var turns = ActivatorUtilities.CreateInstance<TeamTurns>(app.Services, ahead);
        var shard = await app.Services.GetRequiredService<Shards>().OfAsync(tenant.Id, TestContext.Current.CancellationToken);
        using (new CurrentRequest { CorrelationId = "test" }.Enter())
        {
            await turns.TakeAsync(shard, tenant.Id, TestContext.Current.CancellationToken);
            ahead.By = TimeSpan.FromSeconds(59);
            await turns.TakeAsync(shard, tenant.Id, TestContext.Current.CancellationToken);
            (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.inbox_states WHERE assigned_to = $1", ann.Id)).ShouldBe("2");
            ahead.By = TimeSpan.FromSeconds(61);
            await turns.TakeAsync(shard, tenant.Id, TestContext.Current.CancellationToken);
        }

        await Patience.UntilAsync(() => WhileOnlineAsync(tenant, bert.Id, bert), n => n == 4, "Bert is given what Ann had");
        var reasons = (await tenant.Api.SendAsync("GET", "/v1/events?types=conversation_assigned&limit=50"))["data"].EnumerateArray()
            .Select(e => e.GetProperty("data").GetProperty("reason").GetString()).ToList();
        (reasons.Count(r => r == "route"), reasons.Count(r => r == "offline"), reasons.Count(r => r == "queue")).ShouldBe((4, 2, 6));
    }

    [Fact]
    public async Task Who_is_filed_as_spam_gets_nothing_of_a_campaign()
    {
        using var tenant = await app.NewTenantAsync();
        var (good, bad) = ("+919876501001", "+919876501002");
        await tenant.ImportAsync([good, bad]);
        await PostAsync(tenant, bad[1..], "BUY NOW");
        var id = (await Patience.UntilAsync(() => tenant.AllAsync("/v1/conversations"), all => all.Count == 1, "it is shown"))[0]
            .GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("PATCH", $"/v1/conversations/{id}", new { status = "spam" })).Status.ShouldBe(200);
        foreach (var body in (string[])["there", "{{contact.first_name}}"])
        {
            var planned = await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", new
            {
                name = "Later", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
                metadata = new { template_parameters = new { body = new[] { body } } },
            });
            (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{planned.GetProperty("id").GetGuid()}/estimate"))["skipped"]
                .GetProperty("spam").GetInt32().ShouldBe(1);
        }

        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        var members = await tenant.EndedAsync(campaign);
        members.Count(m => m.Reason == "spam" && m.Status == "skipped").ShouldBe(1);
        members.Count.ShouldBe(2);
        await PostAsync(tenant, bad[1..], "BUY NOW again");
        (await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations/{id}"), c =>
            c["unread_count"].GetInt32() == 2, "it is shown"))["status"].GetString().ShouldBe("spam");
    }

    [Fact]
    public async Task Canned_replies_are_kept_found_by_their_shortcut_and_unique()
    {
        var shortcut = $"s{Guid.NewGuid():N}"[..20];
        var made = await AppFixture.CreatedAsync(Api, "/v1/canned-replies", new { shortcut, text = "مرحبا 👋", language = "ar" });
        (await Api.SendAsync("POST", "/v1/canned-replies", new { shortcut, text = "other" }))
            .ShouldBeProblem(409, "canned_reply.shortcut_taken");
        (await Api.SendAsync("POST", "/v1/canned-replies", new { shortcut = "with blank", text = "other" }))
            .ShouldBeProblem(400, "request.invalid");
        (await Api.SendAsync("GET", $"/v1/canned-replies?shortcut={shortcut[..10]}"))["data"][0].GetProperty("text").GetString()
            .ShouldBe("مرحبا 👋");
        var path = $"/v1/canned-replies/{made.GetProperty("id").GetGuid()}";
        (await Api.SendAsync("PATCH", path,
            new { text = "Hi", language = (string?)null })).Body.GetProperty("language").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Api.SendAsync("PATCH", path, new { text = "Hi" }, ("If-Match", "\"1\""))).ShouldBeProblem(412, "version.mismatch");
        (await Api.SendAsync("DELETE", path)).Status.ShouldBe(204);
        (await Api.SendAsync("GET", path)).ShouldBeProblem(404, "canned_reply.unknown");
    }

    [Fact]
    public async Task A_burst_of_a_new_customer_in_any_order_and_twice_makes_one_conversation()
    {
        using var tenant = await app.NewTenantAsync();
        var from = $"9198444{Interlocked.Increment(ref numbers):00000}";
        var items = Enumerable.Range(0, 12).Select(i => Item(from, $"wamid.burst.{from}.{i}", $"burst {i}")).ToList();
        await Task.WhenAll(items.Concat(items.AsEnumerable().Reverse())
            .Select(item => app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{item}]"))));
        await app.Views.InboxEmptyAsync();
        var one = await Patience.UntilAsync(() => tenant.AllAsync("/v1/conversations"), all =>
            all.Count == 1 && all[0].GetProperty("message_count").GetProperty("incoming").GetInt32() == 12, "all are shown");
        one[0].GetProperty("unread_count").GetInt32().ShouldBe(12);
        (await tenant.AllAsync("/v1/contacts")).Count.ShouldBe(1);
    }

    private sealed class Ahead : TimeProvider
    {
        private readonly DateTimeOffset began = System.GetUtcNow();

        public TimeSpan By { get; set; }

        public override DateTimeOffset GetUtcNow() => began + By;
    }

    private long MarkedRead => app.Meta.State.ReadCounters().MarkedRead;

    private Task NothingToTellAsync() => Patience.UntilAsync(() => app.Views.ScalarAsync("SELECT count(*) FROM bsp.read_marks"),
        n => n == "0", "nothing is left to tell");

    // The end of the log as a client reads it.
    private async Task<string> SeenAsync()
    {
        for (var after = (string?)null; ;)
        {
            var page = await Api.SendAsync("GET", $"/v1/events?limit=200{(after is null ? "" : $"&after={after}")}");
            after = page["next_after"].GetString();
            if (!page["more"].GetBoolean())
            {
                return after!;
            }
        }
    }

    private static Task<Answer> ReplyAsync(HttpClient client, Guid id, string seen, bool force) =>
        client.SendAsync("POST", $"/v1/conversations/{id}/messages",
            new { type = "text", text = new { body = "It arrives tomorrow." }, seen_position = seen, force });

    private static async Task<int> OfAsync(Tenant tenant, Guid user) => (await tenant.AllAsync("/v1/conversations"))
        .Count(c => c.GetProperty("assigned_to").ValueKind == JsonValueKind.String && c.GetProperty("assigned_to").GetGuid() == user);

    // Whoever does not say so for a while is offline.
    private static async Task<int> WhileOnlineAsync(Tenant tenant, Guid user, params Person[] online)
    {
        foreach (var person in online)
        {
            (await person.Client.SendAsync("PUT", "/v1/presence", new { status = "online" })).Status.ShouldBe(204);
        }

        return await OfAsync(tenant, user);
    }

    private Task<Answer> ConversationAsync(Guid id) => Api.SendAsync("GET", $"/v1/conversations/{id}");

    private async Task<Guid> CustomerWritesAsync(string text, bool lastNumber = false)
    {
        var from = $"9198222{(lastNumber ? Volatile.Read(ref last) : last = Interlocked.Increment(ref numbers)):00000}";
        await PostAsync(app.Tenant, from, text);
        return (await Patience.UntilAsync(() => app.Tenant.AllAsync("/v1/conversations"), all =>
            all.Any(c => IsOf(c, from)), "the conversation is shown")).Single(c => IsOf(c, from)).GetProperty("id").GetGuid();
    }

    private int last;

    private Task CustomerWritesAsync(string text, int back) => PostAsync(app.Tenant, $"9198222{last - back + 1:00000}", text);

    private static bool IsOf(JsonElement conversation, string from) =>
        conversation.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + from;

    private async Task PostAsync(Tenant tenant, string from, string text)
    {
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            $"\"messages\":[{Item(from, $"wamid.{Guid.NewGuid():N}", text)}]"))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
    }

    private static string Item(string from, string id, string text) => JsonSerializer.Serialize(new
    {
        from, id, timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture),
            type = "text", text = new { body = text },
    });
}
