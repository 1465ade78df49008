using System.Globalization;
using System.Text.Json.Nodes;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// One person from end to end: found by every id Meta gives them, merged, shown all that is known of them, and erased (promise 10).
/// </summary>
public sealed class PersonTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private const string History =
        "SELECT md5(string_agg(concat_ws(' ', seq_id, id, stream_id, version, type, data, timestamp, tenant_id), E'\\n' ORDER BY seq_id)) FROM mt_events WHERE seq_id <= $1";

    // Of this organization: others' messages of the class may be told of at any time.
    private const string Versions =
        "SELECT string_agg(concat(id, ' ', version), E'\\n' ORDER BY id) FROM mt_streams WHERE id <> $1 AND tenant_id = $2";

    private const string Journal =
        "SELECT string_agg(concat(id, ' ', body_sha256), E'\\n' ORDER BY id) FROM bsp.webhook_journal WHERE id <= $1";

    [Fact]
    public async Task Erased_a_person_is_nowhere_and_every_count_and_every_fact_is_as_it_was()
    {
        using var tenant = await app.NewTenantAsync();
        const string number = "919876500077";
        await tenant.ImportAsync(
            "phone_number,first_name,last_name,email,consent_status\n+919876500077,Zebulon,Quagmire,zq@quagmire.example,OPTED_IN\n+919876500078,Asha,,,OPTED_IN\nbad,Zebulon,Quagmire,zq@quagmire.example,\n");
        var person = (await tenant.NumbersAsync()).Single(n => n.Value == "+" + number).Key;
        await app.PostWebhookAsync(Inbound(tenant, number, "wamid.zeb-1", "my secret is xylophone-4711", "Zebulon Q"));
        await app.Views.InboxEmptyAsync();
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{person}/consent",
            new { status = "OPTED_IN", source = "form", proof = "signed by Zebulon" },
            ("Idempotency-Key", "consent-1"))).Status.ShouldBe(200);
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.EndedAsync(campaign);
        await app.Meta.State.WhenWebhooksAccepted(TestContext.Current.CancellationToken);
        await app.Views.InboxEmptyAsync();
        await app.Views.AgreeAsync(tenant, campaign);
        // now also in the cache
        (await tenant.Api.SendAsync("GET", $"/v1/contacts?phone_number=%2B{number}"))["data"].GetArrayLength().ShouldBe(1);
        string[] traces = [number, "Zebulon", "Quagmire", "xylophone-4711", "zq@quagmire.example"];
        (await app.Views.TracesAsync(traces)).Count.ShouldBeGreaterThan(8); // or the search finds nothing anyway

        var before =
            (Last: long.Parse(await app.Views.ScalarAsync("SELECT max(seq_id) FROM mt_events"), CultureInfo.InvariantCulture),
                Counts: await CountsAsync(tenant, campaign));
        var hash = await app.Views.ScalarAsync(History, before.Last);
        var versions =
            await app.Views.ScalarAsync(Versions, person, $"{tenant.Id}");
        var last = long.Parse(await app.Views.ScalarAsync("SELECT max(id) FROM bsp.webhook_journal"), CultureInfo.InvariantCulture);
        var journal = await app.Views.ScalarAsync(Journal, last);

        await ErasedAsync(tenant, person);

        (await app.Views.TracesAsync(traces)).ShouldBeEmpty();
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/{person}")).ShouldBeProblem(404, "contact.unknown");
        (await tenant.Api.SendAsync("GET", $"/v1/contacts?phone_number=%2B{number}"))["data"].GetArrayLength().ShouldBe(0);
        (await app.Views.ScalarAsync(History, before.Last)).ShouldBe(hash);
        (await app.Views.ScalarAsync(Versions, person, $"{tenant.Id}")).ShouldBe(versions);
        (await app.Views.ScalarAsync(Journal, last)).ShouldBe(journal);
        (await CountsAsync(tenant, campaign)).ShouldBe(before.Counts);

        // Rebuilt from the log, the documents are the same erased ones.
        const string documents = """
            SELECT md5(string_agg(doc::text, E'\n' ORDER BY _id)) FROM (
              SELECT _id, doc FROM documents.messages WHERE organization_id = $1 UNION ALL
              SELECT _id, doc FROM documents.conversations WHERE organization_id = $1) d
            """;
        var shown = await app.Views.ScalarAsync(documents, tenant.Id);
        (await app.Platform.SendAsync("POST", "/v1/projections/conversations.v1/rebuild")).Status.ShouldBe(202);
        await Patience.UntilAsync(() => app.Views.ScalarAsync(
            "SELECT count(*) FROM bsp.projections WHERE request IS NOT NULL OR name LIKE '%+next'"), n => n == "0", "it is rebuilt");
        await Patience.UntilAsync(() => app.Views.ScalarAsync(documents, tenant.Id), s => s == shown, "the rebuilt documents are the same");
        (await app.Views.TracesAsync(traces)).ShouldBeEmpty();

        // The same person, later: somebody new.
        await app.PostWebhookAsync(Inbound(tenant, number, "wamid.zeb-2", "hello again"));
        await app.Views.InboxEmptyAsync();
        var fresh = (await tenant.NumbersAsync()).Single(n => n.Value == "+" + number).Key;
        fresh.ShouldNotBe(person);
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/{fresh}"))["consent_status"].GetString().ShouldBe("PENDING");
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task Everything_known_of_a_person_is_exported_and_lies_on_his_timeline()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync("phone_number,first_name,consent_status\n+919876500087,Meera,OPTED_IN\n");
        var person = (await tenant.NumbersAsync()).Keys.Single();
        var twin = (await AppFixture.CreatedAsync(tenant.Api, "/v1/contacts",
            new { phone_number = "+919876500088", first_name = "Meera K." })).GetProperty("id").GetGuid();
        var list = (await AppFixture.CreatedAsync(tenant.Api, "/v1/lists", new { name = "Friends" })).GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/lists/{list}/contacts", new { add = new[] { person, twin } })).Status.ShouldBe(200);
        await app.PostWebhookAsync(Inbound(tenant, "919876500088", "wamid.meera-1", "from my other phone"));
        await app.PostWebhookAsync(Inbound(tenant, "919876500087", "wamid.meera-2", "Where is my order?"));
        await app.Views.InboxEmptyAsync();
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.ReadAsync(campaign);
        await app.Views.InboxEmptyAsync();
        await app.Views.DocumentsReachedAsync(tenant.Id);
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{person}/merge", new { with = twin }))
            .ShouldSatisfyAllConditions(a => a.Status.ShouldBe(200), a => a["id"].GetGuid().ShouldBe(person));
        (await tenant.Api.SendAsync("POST", $"/v1/lists/{list}/contacts", new { remove = new[] { twin } })).Status.ShouldBe(200);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations?contact_id={person}"), c =>
            c["data"].GetArrayLength() == 2, "both conversations are theirs");

        var export = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/contacts/{twin}/export"), e =>
            e["messages"].GetArrayLength() == 4 && e["conversations"].GetArrayLength() == 2, "two were received and two sent");
        export.Status.ShouldBe(200, export.Text);
        export["contact"].GetProperty("id").GetGuid().ShouldBe(person);
        export["merged_ids"][0].GetGuid().ShouldBe(twin);
        export["messages"].EnumerateArray().Select(m => m.GetProperty("content").TryGetProperty("text", out var t) ? t.GetString() : null)
            .ShouldContain("from my other phone");
        export["campaigns"].EnumerateArray().Select(c => c.GetProperty("outcome").GetString())
            .ShouldBe(["message_queued", "message_queued"]);
        export["imports"].GetArrayLength().ShouldBe(1);
        export["raw_webhooks"].GetRawText().ShouldContain("Where is my order?");

        var types = (await tenant.AllAsync($"/v1/contacts/{person}/timeline")).Select(e => e.GetProperty("type").GetString()!).ToList();
        foreach (var type in new[] { "contact_created", "contact_imported", "list_joined", "list_left", "message_received",
            "message_queued", "contact_merged", "contact_absorbed" })
        {
            types.ShouldContain(type);
        }

        var paged = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await tenant.Api.SendAsync("GET",
                $"/v1/contacts/{person}/timeline?limit=2{(cursor.Length == 0 ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}");
            paged.AddRange(page["data"].EnumerateArray().Select(e => e.GetProperty("type").GetString()!));
            cursor = page["next_cursor"].GetString();
        }

        paged.ShouldBe(types);
    }

    [Fact]
    public async Task Meta_renews_a_number_and_a_user_id_and_it_stays_the_same_person()
    {
        using var tenant = await app.NewTenantAsync();
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            """ "contacts":[{"user_id":"IN.1001","profile":{"name":"Noor"}}],"messages":[{"from_user_id":"IN.1001","id":"wamid.noor-1","timestamp":"1764000000","type":"text","text":{"body":"hi"}}]"""));
        await app.Views.InboxEmptyAsync();
        var person = (await tenant.AllAsync("/v1/contacts")).Single();
        person.GetProperty("wa_user_id").GetString().ShouldBe("IN.1001");
        var id = person.GetProperty("id").GetGuid();
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            """ "contacts":[{"wa_id":"919876500097","user_id":"IN.1001","profile":{"name":"Noor"}}],"messages":[{"from":"919876500097","from_user_id":"IN.1001","id":"wamid.noor-2","timestamp":"1764000001","type":"text","text":{"body":"my number"}}]"""));
        await app.Views.InboxEmptyAsync();
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            """ "messages":[{"from":"919876500097","id":"wamid.noor-3","timestamp":"1764000002","type":"system","system":{"body":"User A changed from 919876500097 to 919876500098","wa_id":"919876500098","type":"user_changed_number"}}]"""));
        await app.Views.InboxEmptyAsync();
        var update =
            $$$"""{"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","changes":[{"field":"user_id_update","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"{{{tenant.PhoneNumberId}}}"},"user_id_update":[{"wa_id":"919876500098","user_id":{"previous":"IN.1001","current":"IN.2002"},"timestamp":1764000003}]}}]}]}""";
        await app.PostWebhookAsync(update);
        await app.PostWebhookAsync(update); // told twice
        await app.Views.InboxEmptyAsync();
        var moved = (await tenant.AllAsync("/v1/contacts")).Single();
        (moved.GetProperty("id").GetGuid(), moved.GetProperty("phone_number").GetString(), moved.GetProperty("wa_user_id").GetString())
            .ShouldBe((id, "+919876500098", "IN.2002"));
        await app.PostWebhookAsync(update.Replace("IN.2002", "IN.3003", StringComparison.Ordinal)
            .Replace("IN.1001", "IN.2002", StringComparison.Ordinal));
        await app.Views.InboxEmptyAsync();
        await app.PostWebhookAsync(update); // told once more, after later news
        await app.Views.InboxEmptyAsync();
        (await tenant.AllAsync("/v1/contacts")).Single().GetProperty("wa_user_id").GetString().ShouldBe("IN.3003");
        // the notice is no message of theirs
        (await tenant.AllAsync($"/v1/contacts/{id}/timeline")).Count(e => e.GetProperty("type").GetString() == "message_received")
            .ShouldBe(2);
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task Stop_and_resume_by_word_button_and_preference_are_heard_once_each()
    {
        using var tenant = await app.NewTenantAsync();
        const string number = "919876500107";
        async Task<string> ConsentAsync(string json)
        {
            await app.PostWebhookAsync(json);
            await app.Views.InboxEmptyAsync();
            return (await tenant.AllAsync("/v1/contacts")).Single().GetProperty("consent_status").GetString()!;
        }

        var stop = Inbound(tenant, number, "wamid.c-1", "¡Baja!");
        (await ConsentAsync(stop)).ShouldBe("OPTED_OUT");
        (await ConsentAsync(Inbound(tenant, number, "wamid.c-2", "START"))).ShouldBe("OPTED_IN");
        await app.Views.WipeRedisAsync();
        (await ConsentAsync(stop)).ShouldBe("OPTED_IN"); // old news, told again
        (await ConsentAsync(SignedWebhooks.Envelope(tenant,
            $$$""" "messages":[{"from":"{{{number}}}","id":"wamid.c-3","timestamp":"1764000002","type":"button","button":{"text":"Stop promotions","payload":"x"}}]"""))).ShouldBe("OPTED_OUT");
        string Preference(string value, int at = 1764000003) =>
            $$$"""{"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","changes":[{"field":"user_preferences","value":{"metadata":{"phone_number_id":"{{{tenant.PhoneNumberId}}}"},"user_preferences":[{"wa_id":"{{{number}}}","category":"marketing_messages","value":"{{{value}}}","timestamp":{{{at}}}}]}}]}]}""";
        (await ConsentAsync(Preference("resume"))).ShouldBe("OPTED_IN");
        (await ConsentAsync(Preference("stop"))).ShouldBe("OPTED_OUT");
        (await ConsentAsync(Preference("resume"))).ShouldBe("OPTED_OUT"); // the same bytes in another row of the journal
        (await ConsentAsync(Preference("resume", 1764000005))).ShouldBe("OPTED_IN");
        (await ConsentAsync(Inbound(tenant, number, "wamid.c-4", "STOP"))).ShouldBe("OPTED_OUT");
        (await ConsentAsync(Preference("resume", 1764000005))).ShouldBe("OPTED_OUT");
        var two = $$$""" "user_preferences":[{"wa_id":"{{{number}}}","value":"resume","timestamp":1764000006},{"wa_id":"{{{number}}}","value":"stop","timestamp":1764000007}]""";
        // both are heard
        (await ConsentAsync(Preference("x").Replace("\"user_preferences\":[", two[..^1] + ",", StringComparison.Ordinal)))
            .ShouldBe("OPTED_OUT");
        await tenant.ImportAsync($"phone_number,consent_status\n+{number},OPTED_IN\n");
        (await tenant.AllAsync("/v1/contacts")).Single().GetProperty("consent_status").GetString().ShouldBe("OPTED_OUT");
        var sources = (await tenant.AllAsync($"/v1/contacts/{(await tenant.NumbersAsync()).Keys.Single()}/timeline"))
            .Where(e => e.GetProperty("type").GetString() == "contact_consent_changed_v2")
            .Select(e => e.GetProperty("data").GetProperty("source").GetString());
        sources.ShouldBe([.. Enumerable.Repeat("keyword", 3), .. Enumerable.Repeat("user_preferences", 3), "keyword",
            .. Enumerable.Repeat("user_preferences", 2)]);
    }

    [Fact]
    public async Task A_webhook_of_two_organizations_shows_each_its_own_part_and_one_erasure_leaves_the_others()
    {
        using var tenant = await app.NewTenantAsync();
        using var neighbour = await app.NewTenantAsync();
        const string number = "919876500127";
        string Entry(Tenant of, string wamid, string text) =>
            JsonNode.Parse(Inbound(of, number, wamid, text))!["entry"]![0]!.ToJsonString();
        await app.PostWebhookAsync(
            $$"""{"object":"whatsapp_business_account","entry":[{{Entry(tenant, "wamid.two-1", "for tenant only")}},{{Entry(neighbour, "wamid.two-2", "for neighbour only")}}]}""");
        await app.Views.InboxEmptyAsync();
        var person = (await tenant.NumbersAsync()).Keys.Single();
        var theirs = (await neighbour.NumbersAsync()).Keys.Single();
        var shown = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/contacts/{person}/export"), e =>
            e.Text.Contains("for tenant only", StringComparison.Ordinal), "the document is there");
        shown["raw_webhooks"].GetArrayLength().ShouldBe(1);
        shown["raw_webhooks"].GetRawText().ShouldContain("for tenant only");
        shown.Text.ShouldNotContain("neighbour");
        shown.Text.ShouldNotContain("wamid.two-2");

        // Archived, their messages are still shown and cut.
        await app.Views.ScalarAsync(
            "WITH s AS (UPDATE mt_streams SET is_archived = true WHERE tenant_id = $1 AND id IN (SELECT stream_id FROM mt_events WHERE type = 'message_received' AND tenant_id = $1) RETURNING id), e AS (UPDATE mt_events SET is_archived = true WHERE stream_id IN (SELECT id FROM s) RETURNING 1) SELECT count(*) FROM e", tenant.Id.ToString());
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/{person}/export"))["raw_webhooks"].GetRawText().ShouldContain("for tenant only");
        await ErasedAsync(tenant, person);
        var left = await Patience.UntilAsync(() => neighbour.Api.SendAsync("GET", $"/v1/contacts/{theirs}/export"), e =>
            e.Status == 200 && e["raw_webhooks"].GetArrayLength() == 1, "the neighbour's document is there");
        left["raw_webhooks"].GetRawText().ShouldContain("for neighbour only");
        (await app.Views.TracesAsync(["for tenant only"])).ShouldBeEmpty();
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task A_person_who_was_deleted_first_is_erased_all_the_same()
    {
        using var tenant = await app.NewTenantAsync();
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, """
            "contacts":[{"wa_id":"919876500137","user_id":"IN.4711","profile":{"name":"Quillfeather"}}],"messages":[{"from":"919876500137","from_user_id":"IN.4711","id":"wamid.gone-1","timestamp":"1764000000","type":"text","text":{"body":"secret zanzibar-99"}},
            {"from_user_id":"IN.4711","id":"wamid.gone-2","timestamp":"1764000001","type":"text","text":{"body":"and no number here"}}]
            """));
        await app.Views.InboxEmptyAsync();
        var person = (await tenant.NumbersAsync()).Keys.Single();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/contacts/{person}/export"), e =>
            e.Text.Contains("no number here", StringComparison.Ordinal), "the documents are there");
        (await tenant.Api.SendAsync("DELETE", $"/v1/contacts/{person}")).Status.ShouldBe(204);
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/{person}")).ShouldBeProblem(404, "contact.unknown");
        string[] traces = ["919876500137", "IN.4711", "Quillfeather", "zanzibar-99", "no number here"];
        (await app.Views.TracesAsync(traces)).ShouldNotBeEmpty();

        await ErasedAsync(tenant, person);
        (await app.Views.TracesAsync(traces)).ShouldBeEmpty();
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task A_neighbours_person_is_unknown_on_every_route()
    {
        using var tenant = await app.NewTenantAsync();
        using var stranger = await app.NewTenantAsync();
        var own = (await AppFixture.CreatedAsync(tenant.Api, "/v1/contacts", new { phone_number = "+919876500117" })).GetProperty("id")
            .GetGuid();
        var theirs = (await AppFixture.CreatedAsync(stranger.Api, "/v1/contacts", new { phone_number = "+919876500117" })).GetProperty("id")
            .GetGuid();
        foreach (var (method, path, body) in new (string, string, object?)[]
        {
            ("POST", "merge", new { with = own }), ("POST", "erase", null), ("GET", "export", null), ("GET", "timeline", null),
                ("POST", "consent", new { status = "OPTED_OUT" }),
        })
        {
            (await tenant.Api.SendAsync(method, $"/v1/contacts/{theirs}/{path}", body)).ShouldBeProblem(404, "contact.unknown");
        }

        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{own}/merge", new { with = theirs })).ShouldBeProblem(404, "contact.unknown");
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{own}/merge", new { with = own })).ShouldBeProblem(400, "request.invalid");
        (await stranger.Api.SendAsync("GET", $"/v1/contacts/{theirs}"))["consent_status"].GetString().ShouldBe("PENDING");
    }

    private static async Task ErasedAsync(Tenant tenant, Guid person)
    {
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{person}/erase")).Status.ShouldBe(202);
        var erased =
            await Patience.UntilAsync(() => tenant.Api.SendAsync("POST", $"/v1/contacts/{person}/erase"), e =>
                e.Status == 200, "the erasure is completed");
        erased["status"].GetString().ShouldBe("completed");
    }

    private static string Inbound(Tenant tenant, string number, string wamid, string text, string name = "Somebody") =>
        SignedWebhooks.Envelope(tenant, $$$"""
        "contacts":[{"wa_id":"{{{number}}}","profile":{"name":"{{{name}}}"}}],"messages":[{"from":"{{{number}}}","id":"{{{wamid}}}","timestamp":"{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}","type":"text","text":{"body":"{{{text}}}"}}]
        """);

    private async Task<string> CountsAsync(Tenant tenant, Guid campaign)
    {
        var progress = await tenant.ProgressAsync(campaign);
        return string.Join('\n', progress.Text[..progress.Text.IndexOf("estimated", StringComparison.Ordinal)],
            await app.Views.AgreeAsync(tenant, campaign),
            await app.Views.ScalarAsync(
                """
                SELECT concat_ws(' ', (SELECT count(*) FROM documents.messages WHERE organization_id = $1),
                  (SELECT count(*) FROM documents.conversations WHERE organization_id = $1),
                  (SELECT count(*) FROM documents.message_logs WHERE organization_id = $1),
                  (SELECT count(*) FROM bsp.campaign_audience WHERE organization_id = $1))
                """, tenant.Id),
            await app.Views.ScalarAsync("""
                SELECT string_agg(concat_ws(' ', id, total_recipients, sent_count, delivered_count, read_count, failed_count), E'\n'
                  ORDER BY id) FROM campaigns WHERE organization_id = $1
                """, tenant.Id));
    }
}
