using System.Text;
using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Each item of a webhook stands alone: one that cannot be carried out is kept, shown and tried again, and costs nobody else anything.
/// </summary>
public sealed class WebhookItemTests(TenantApp app) : IClassFixture<TenantApp>
{
    private const string Family = "👩‍👩‍👧‍👦"; // one character, 11 UTF-16 units

    private Tenant Tenant => app.Tenant;

    [Fact]
    public async Task A_name_of_long_characters_is_cut_between_two_of_them_and_its_message_and_all_others_arrive()
    {
        var name = string.Concat(Enumerable.Repeat(Family, 25));
        await PostAsync(Tenant, $$$"""
            "contacts":[{"wa_id":"919811000001","profile":{"name":{{{JsonSerializer.Serialize(name)}}}}},{"wa_id":"919811000002","profile":{"name":"Asha"}}],
            "messages":[{{{Text("wamid.item.family", "919811000001")}}},{{{Text("wamid.item.beside", "919811000002")}}}]
            """);
        await ReceivedAsync(Tenant, "wamid.item.family", "wamid.item.beside");
        var contact = (await Tenant.AllAsync("/v1/contacts")).Single(c => c.GetProperty("phone_number").GetString() == "+919811000001");
        contact.GetProperty("first_name").GetString().ShouldBe(string.Concat(Enumerable.Repeat(Family, 200 / Family.Length)));
        await app.NoneAsideAsync();
    }

    [Fact]
    public async Task One_that_cannot_be_carried_out_is_set_aside_and_shown_and_the_rest_arrives_and_a_retry_brings_it()
    {
        using var neighbour = await app.NewTenantAsync();
        await app.Views.ScalarAsync("""
            CREATE FUNCTION public.refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room for %', NEW.first_name; END $$;
            CREATE TRIGGER refuse_poison BEFORE INSERT ON public.contacts FOR EACH ROW WHEN (NEW.first_name = 'Poison') EXECUTE FUNCTION public.refuse_poison();
            SELECT 'made'
            """);
        var wamids = Enumerable.Range(0, 40).Select(i => $"wamid.item.{i}").ToList();
        string Items(Tenant tenant, string? bad)
        {
            var people =
                wamids.Select((_, i) =>
                    $$$"""{"wa_id":"91982{{{i:0000000}}}","profile":{"name":"{{{(i is 7 or 31 && bad is not null ? bad : "Ravi")}}}"}}""");
            return $$$"""
                {"id":"{{{tenant.WabaId}}}","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"{{{tenant.PhoneNumberId}}}"},"contacts":[{{{string.Join(',', people)}}}],
                "messages":[{{{string.Join(',', wamids.Select((w, i) => Text(w, $"91982{i:0000000}")))}}}]}}]}
                """;
        }

        (await app.PostWebhookAsync($$$"""{"entry":[{{{Items(Tenant, "Poison")}}},{{{Items(neighbour, null)}}}]}""")).Status.ShouldBe(200);
        await ReceivedAsync(neighbour, [.. wamids]);
        await ReceivedAsync(Tenant, [.. wamids.Where((_, i) => i is not (7 or 31))]);

        // The log commits before the inbox does.
        var aside = await Patience.UntilAsync(async () =>
            (await AsideAsync()).Where(a => a.GetProperty("organization_id").GetGuid() == Tenant.Id).ToList(), all =>
            all.Count == 2, "both are set aside");
        aside.Select(a => a.GetProperty("part").GetString()).ShouldBe(["messages[7]", "messages[31]"]);
        aside.ShouldAllBe(a => a.GetProperty("reason").GetString() == "failed" && a.GetProperty("attempts").GetInt32() == 1
            && a.GetProperty("error").GetString()!.Contains("no room for Poison")
            && a.GetProperty("journal_id").GetInt64() > 0 && a.GetProperty("signed_by").GetString() == "app"
            && a.GetProperty("next_at").ValueKind == JsonValueKind.String);

        // Again while it still fails: counted, under its own number.
        var id = aside[0].GetProperty("id").GetInt64();
        (await app.Platform.SendAsync("POST", $"/v1/incoming-webhooks/set-aside/{id}/retry")).Status.ShouldBe(202);
        await Patience.UntilAsync(AsideAsync, all =>
            all.Any(a => a.GetProperty("id").GetInt64() == id && a.GetProperty("attempts").GetInt32() >= 2), "it was tried again");

        await app.Views.ScalarAsync("DROP TRIGGER refuse_poison ON public.contacts; DROP FUNCTION public.refuse_poison(); SELECT 'gone'");
        (await app.Platform.SendAsync("POST", "/v1/incoming-webhooks/set-aside/retry")).Status.ShouldBeInRange(200, 202);
        await ReceivedAsync(Tenant, [.. wamids]);
        await Patience.UntilAsync(AsideAsync, all =>
            all.All(a => a.GetProperty("organization_id").GetGuid() != Tenant.Id), "nothing is aside any more");
        (await app.Platform.SendAsync("POST", $"/v1/incoming-webhooks/set-aside/{id}/retry")).ShouldBeProblem(404, "webhook.unknown");
        (await Tenant.Api.SendAsync("GET", "/v1/incoming-webhooks/set-aside")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_time_in_the_future_is_the_receipts_for_the_window_and_for_the_conversations_order()
    {
        var ahead = DateTimeOffset.UtcNow.AddDays(300).ToUnixTimeSeconds();
        await PostAsync(Tenant, $$$"""
            "messages":[{{{Text("wamid.item.future", "919811000011", $"\"{ahead}\"")}}},{{{Text("wamid.item.ms", "919811000012", $"{DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds()}")}}},
              {{{Text("wamid.item.negative", "919811000013", "-5")}}},{{{Text("wamid.item.huge", "919811000014", "1e400")}}}],
            "statuses":[{"id":"wamid.item.nobody's","status":"sent","timestamp":"{{{ahead}}}"}]
            """);
        await ReceivedAsync(Tenant, "wamid.item.future", "wamid.item.ms", "wamid.item.negative", "wamid.item.huge");
        (await app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND (data ->> 'at')::timestamptz > now() + interval '1 minute'",
            $"{Tenant.Id}")).ShouldBe("0");
        (await app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'customer_window_opened' AND (data ->> 'until')::timestamptz > now() + interval '25 hours'", $"{Tenant.Id}")).ShouldBe("0");
        (await app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE stream_id = $1 AND (data ->> 'at')::timestamptz BETWEEN now() - interval '90 minutes' AND now() - interval '55 minutes'",
            Uuid.InboundMessage(Tenant.PhoneNumberId, "wamid.item.ms"))).ShouldBe("1");

        await PostAsync(Tenant, $$$"""
            "messages":[{{{Text("wamid.item.later", "919811000011", $"\"{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}\"", "what was written later")}}}]
            """);
        await ReceivedAsync(Tenant, "wamid.item.later");
        await Patience.UntilAsync(() => Tenant.Api.SendAsync("GET", "/v1/conversations?limit=200"), c =>
            c.Text.Contains("what was written later", StringComparison.Ordinal), "the preview shows the later message");
    }

    [Fact]
    public async Task Marks_of_byte_order_wide_characters_and_what_follows_the_value_are_read_over()
    {
        string Body(string wamid) => SignedWebhooks.Envelope(Tenant, $"\"messages\":[{Text(wamid, "919811000021")}]");
        var bodies = new Dictionary<string, byte[]>
        {
            ["bom"] = [.. "\uFEFF"u8, .. Encoding.UTF8.GetBytes(Body("wamid.item.bom"))],
            ["bom2"] = [.. "\uFEFF\uFEFF"u8, .. Encoding.UTF8.GetBytes(Body("wamid.item.bom2"))],
            ["utf16"] = [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(Body("wamid.item.utf16"))],
            ["utf16be"] = [.. Encoding.BigEndianUnicode.GetPreamble(), .. Encoding.BigEndianUnicode.GetBytes(Body("wamid.item.utf16be"))],
            ["utf16bare"] = Encoding.Unicode.GetBytes(Body("wamid.item.utf16bare")),
            ["utf32"] = [.. Encoding.UTF32.GetPreamble(), .. Encoding.UTF32.GetBytes(Body("wamid.item.utf32"))],
            ["trailing"] = Encoding.UTF8.GetBytes(Body("wamid.item.trailing") + "\0\0}garbage"),
            ["control"] =
            Encoding.UTF8.GetBytes(Body("wamid.item.control").Replace("hello", "he\u0001llo\n\tthere", StringComparison.Ordinal)),
            ["comma"] = Encoding.UTF8.GetBytes(Body("wamid.item.comma").Replace("]}", ",]}", StringComparison.Ordinal)),
            ["deep"] = Encoding.UTF8.GetBytes(Body("wamid.item.deep")
                .Replace("\"hello\"", $"\"hello\",\"x\":{new string('[', 400)}{new string(']', 400)}", StringComparison.Ordinal)),
            ["twice"] = Encoding.UTF8.GetBytes(Body("wamid.item.twice")
                .Replace("\"id\":\"wamid.item.twice\"", "\"id\":\"wamid.item.first\",\"id\":\"wamid.item.twice\"",
                    StringComparison.Ordinal)),
            ["number"] =
            Encoding.UTF8.GetBytes(Body("wamid.item.number")
                .Replace("\"hello\"", "\"hello\",\"x\":1e131071,\"y\":1e-16383,\"z\":" + new string('9', 5_000), StringComparison.Ordinal)),
        };
        foreach (var (name, body) in bodies)
        {
            (await app.PostWebhookAsync(body)).Status.ShouldBe(200, name);
        }

        await ReceivedAsync(Tenant, [.. bodies.Keys.Select(name => $"wamid.item.{name}")]);
        foreach (var unreadable in new[] { "", "\uFEFF", "{\"entry\":[{\"id\":\"1\",\"changes\":[{\"fie" })
        {
            var body = Encoding.UTF8.GetBytes(unreadable);
            (await app.PostWebhookAsync(body)).Status.ShouldBe(200);
            await Patience.UntilAsync(() =>
                app.Views.ScalarAsync(
                    "SELECT count(*) FROM bsp.webhook_notes n JOIN bsp.webhook_journal j ON j.id = n.journal_id WHERE n.reason = 'not_json' AND j.body = $1", body),
                n => n == "1", "what cannot be read is noted");
        }

        (await app.Platform.SendAsync("GET", "/v1/incoming-webhooks/notes?limit=200")).Text.ShouldContain("not_json");
        await app.NoneAsideAsync();
    }

    [Fact]
    public async Task Ids_and_words_of_any_length_are_bounded_and_their_messages_arrive()
    {
        var (id, error) = (new string('w', 6_000), new string('e', 60_000));
        await PostAsync(Tenant, $$$"""
            "contacts":[{"wa_id":"{{{new string('9', 3_000)}}}","user_id":"{{{new string('u', 9_000)}}}","profile":{"name":"Long"}}],
            "messages":[{"id":"{{{id}}}","from_user_id":"{{{new string('u', 9_000)}}}","timestamp":"1790000000","type":"{{{new string('t', 5_000)}}}"},{{{Text("wamid.item.after", "919811000031")}}}],
            "statuses":[{"id":"{{{id}}}","status":"{{{new string('s', 5_000)}}}","errors":[{"code":1,"title":"{{{error}}}","error_data":{"details":"{{{error}}}"}}],"pricing":{"category":"{{{error}}}","x":1e131071}}]
            """);
        await ReceivedAsync(Tenant, MetaId.Of(id), "wamid.item.after");
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.parked_statuses WHERE wamid = $1 AND length(item::text) < 40000",
                MetaId.Of(id)), n => n == "1", "the status waits for its message");
        await app.NoneAsideAsync();
    }

    [Fact]
    public async Task Of_a_status_that_waits_for_its_message_the_earliest_word_stays_in_whatever_order_they_come()
    {
        string Delivered(string wamid, int second) =>
            $$"""{"id":"{{wamid}}","status":"delivered","timestamp":"{{1_790_000_000 + second}}","recipient_id":"919811000061"}""";
        (string Wamid, int[] Seconds)[] order =
            [("wamid.item.falls", [5, 3, 4]), ("wamid.item.rises", [3, 5, 4]), ("wamid.item.once", [3])];
        foreach (var (wamid, seconds) in order)
        {
            foreach (var second in seconds)
            {
                await PostAsync(Tenant, $"\"statuses\":[{Delivered(wamid, second)}]");
                await app.Views.InboxEmptyAsync();
            }
        }

        // And twice in one webhook.
        await PostAsync(Tenant, $"\"statuses\":[{Delivered("wamid.item.both", 7)},{Delivered("wamid.item.both", 3)}]");
        await app.Views.InboxEmptyAsync();
        (await app.Views.ScalarAsync("""
            SELECT string_agg(concat_ws(' ', wamid,
                extract(epoch FROM (item #>> '{said,at}')::timestamptz)::bigint - 1790000000), ';' ORDER BY wamid)
              FROM bsp.parked_statuses WHERE organization_id = $1 AND wamid = ANY ($2)
            """, Tenant.Id, order.Select(o => o.Wamid).Append("wamid.item.both").ToArray()))
            .ShouldBe("wamid.item.both 3;wamid.item.falls 3;wamid.item.once 3;wamid.item.rises 3");
        await app.NoneAsideAsync();
    }

    [Fact]
    public async Task A_webhook_of_more_items_than_a_page_takes_is_carried_out_in_parts()
    {
        using var neighbour = await app.NewTenantAsync();
        var wamids = Enumerable.Range(0, 2_100).Select(i => $"wamid.many.{i}").ToList();
        await PostAsync(Tenant, $$$"""
            "contacts":[{"wa_id":"919811000041","profile":{"name":"One"}},{"wa_id":"919811000042","profile":{"name":"Two"}}],
            "messages":[{{{string.Join(',', wamids.Select((w, i) => Text(w, i % 2 == 0 ? "919811000041" : "919811000042")))}}}]
            """);
        await PostAsync(neighbour, $"\"messages\":[{Text("wamid.many.beside", "919811000043")}]");
        await ReceivedAsync(neighbour, "wamid.many.beside");
        await ReceivedAsync(Tenant, [.. wamids]);
        await app.NoneAsideAsync();
    }

    [Fact]
    public async Task What_an_organizations_own_app_signed_says_so_and_displaces_nothing_of_a_neighbours()
    {
        using var forger = await app.NewTenantAsync();
        (await forger.Api.SendAsync("PATCH", $"/v1/organizations/{forger.Id}",
            """{"meta_app_secret":"a-secret-that-it-knows"}""")).Status.ShouldBe(200);
        string Status(string wamid) => $$$"""
            "statuses":[{"id":"{{{wamid}}}","status":"delivered","timestamp":"{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}","recipient_id":"919811000051","pricing":{"billable":false,"category":"service"}}]
            """;
        var wamid = $"wamid.theirs.{Guid.NewGuid():N}";

        // Early and forged: it must neither take the place of the neighbour's word nor be taken for it.
        (await app.PostOwnWebhookAsync(forger.Id, "a-secret-that-it-knows",
            SignedWebhooks.Envelope(forger, Status(wamid)))).Status.ShouldBe(200);
        await Patience.UntilAsync(() => ParkedAsync(forger, wamid), n => n == "1", "the forged one is parked");
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(Tenant, Status(wamid)))).Status.ShouldBe(200);
        await Patience.UntilAsync(() => ParkedAsync(Tenant, wamid), n => n == "1", "the neighbour's own is parked beside it");
        (await app.Views.ScalarAsync(
            "SELECT item -> 'said' -> 'evidence' ->> 'signed_by' FROM bsp.parked_statuses WHERE organization_id = $1 AND wamid = $2",
            forger.Id, wamid)).ShouldBe("organization");
        (await app.Views.ScalarAsync(
            "SELECT item -> 'said' -> 'evidence' ->> 'signed_by' FROM bsp.parked_statuses WHERE organization_id = $1 AND wamid = $2",
            Tenant.Id, wamid)).ShouldBe("app");

        // The same id known to two organizations.
        foreach (var tenant in new[] { forger, Tenant })
        {
            await app.Views.ScalarAsync(
                "WITH put AS (INSERT INTO bsp.wamids (organization_id, wamid, message_id) VALUES ($1, $2, gen_random_uuid()) RETURNING 1) SELECT count(*) FROM put", tenant.Id, wamid + ".known");
        }

        // For a number that is not its own its secret is good for nothing.
        (await app.PostOwnWebhookAsync(forger.Id, "a-secret-that-it-knows",
            SignedWebhooks.Envelope(Tenant, Status(wamid + ".other")))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.parked_statuses WHERE wamid = $1", wamid + ".other")).ShouldBe("0");
    }

    [Fact]
    public async Task One_organizations_flood_of_poison_delays_no_neighbour()
    {
        using var flooder = await app.NewTenantAsync();
        var statuses =
            string.Join(',', Enumerable.Range(0, 3)
                .Select(i => $$$"""{"id":"{{{new string('w', 6_000)}}}#.{{{i}}}","status":"{{{new string('s', 500)}}}"}"""));
        var poison = SignedWebhooks.Envelope(flooder, $"\"statuses\":[{statuses}]");
        var normal = SignedWebhooks.Envelope(Tenant, $"\"messages\":[{Text("wamid.item.normal", "919811000061")}]");
        await app.Views.ScalarAsync("""
            CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END $$;
            CREATE TRIGGER slowly BEFORE INSERT ON bsp.parked_statuses FOR EACH ROW WHEN (length(NEW.wamid) > 200) EXECUTE FUNCTION public.slowly();
            SELECT 'made'
            """);
        await app.Views.ScalarAsync("""
            WITH bodies AS (SELECT $1::uuid AS lane, convert_to(replace($2, '#', n::text), 'UTF8') AS body FROM generate_series(1, 1500) n UNION ALL SELECT $3, convert_to($4, 'UTF8')),
            kept AS (INSERT INTO bsp.webhook_journal (received_at, headers, signature, body_sha256, body, lane) SELECT now(), '{}', 'app', encode(sha256(body), 'hex'), body, lane FROM bodies RETURNING id, received_at, lane),
            put AS (INSERT INTO bsp.webhook_inbox (journal_id, received_at, lane) SELECT id, received_at, lane FROM kept RETURNING 1)
            SELECT count(*) FROM put
            """, flooder.Id, poison, Tenant.Id, normal);
        await ReceivedAsync(Tenant, "wamid.item.normal");
        int.Parse(await app.Views.ScalarAsync("SELECT count(*) FROM bsp.webhook_inbox WHERE lane = $1", flooder.Id),
            System.Globalization.CultureInfo.InvariantCulture)
            .ShouldBeGreaterThan(0, "who came last was not last");
        await app.Views.InboxEmptyAsync();
        await app.Views.ScalarAsync("DROP TRIGGER slowly ON bsp.parked_statuses; DROP FUNCTION public.slowly(); SELECT 'gone'");
        await app.NoneAsideAsync();
    }

    private Task<string> ParkedAsync(Tenant tenant, string wamid) =>
        app.Views.ScalarAsync("SELECT count(*) FROM bsp.parked_statuses WHERE organization_id = $1 AND wamid = $2", tenant.Id, wamid);

    private async Task PostAsync(Tenant tenant, string items) =>
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, items))).Status.ShouldBe(200);

    private async Task ReceivedAsync(Tenant tenant, params string[] wamids) =>
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync(
                "SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $2 AND stream_id = ANY ($1)",
            wamids.Select(w => Uuid.InboundMessage(tenant.PhoneNumberId, w)).ToArray(), $"{tenant.Id}"), n =>
                n == $"{wamids.Length}", $"{wamids.Length} messages are received");

    private async Task<List<JsonElement>> AsideAsync()
    {
        var answer = await app.Platform.SendAsync("GET", "/v1/incoming-webhooks/set-aside?limit=200");
        answer.Status.ShouldBe(200, answer.Text);
        return [.. answer["data"].EnumerateArray().Where(a => a.GetProperty("organization_id").ValueKind == JsonValueKind.String)];
    }

    private static string Text(string wamid, string from, string timestamp = "\"1790000000\"", string body = "hello") =>
        $$$"""{"id":"{{{wamid}}}","from":"{{{from}}}","timestamp":{{{timestamp}}},"type":"text","text":{"body":"{{{body}}}"}}""";
}
