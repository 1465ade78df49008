using System.Text.Json;
using Bsp.Infrastructure.Ai;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Bsp.IntegrationTests.Ai;

/// <summary>Machines that read and answer, from the webhook to every view.</summary>
public sealed class AiTests(AiApp app) : IClassFixture<AiApp>
{
    [Fact]
    public async Task A_message_is_read_once_and_every_view_shows_it()
    {
        using var tenant = await app.LettingAsync(autoReply: false);
        var from = AiApp.NewNumber();
        var item = AiApp.Item(from, "Worst service ever, my parcel arrived broken 😡");
        for (var again = 0; again < 3; again++)
        {
            (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{item}]"))).Status.ShouldBe(200);
        }

        var conversation = await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("ai_analysis").ValueKind == JsonValueKind.Object, "the conversation shows how the customer feels");
        var analysis = conversation.GetProperty("ai_analysis");
        (analysis.GetProperty("sentiment").GetString(), analysis.GetProperty("language").GetString()).ShouldBe(("negative", "en"));
        analysis.GetProperty("sentiment_score").GetDouble().ShouldBeInRange(-1, -0.2);
        analysis.GetProperty("summary").GetString().ShouldNotBeNull().ShouldContain("parcel arrived broken");
        var message = (await AiApp.MessagesAsync(tenant, conversation.GetProperty("id").GetGuid())).ShouldHaveSingleItem();
        var processing = message.GetProperty("ai_processing");
        (processing.GetProperty("processed").GetBoolean(), processing.GetProperty("sentiment").GetString()).ShouldBe((true, "negative"));
        await app.IdleAsync(tenant);
        (await app.CountAsync(tenant, "message_analysed")).ShouldBe("1");
        (await app.CountAsync(tenant, "conversation_auto_answered")).ShouldBe("0");
        (await app.Views.ScalarAsync("""
            SELECT a.data -> 'use' ->> 'model' || ' ' || (a.causation_id = e.id::text)::text FROM mt_events a
              JOIN mt_events e ON e.stream_id = a.stream_id AND e.version = 1
             WHERE a.tenant_id = $1::text AND a.type = 'message_analysed'
            """, tenant.Id)).ShouldBe("word-lists-1 true");
        var row = await Patience.UntilAsync(() => app.Views.Click.QueryAsync(
            "SELECT toString(tuple(ai_processed, sentiment_score < 0, auto_replied)) AS x FROM message_analytics FINAL "
            + "WHERE organization_id = {o:UUID}",
            r => r.GetString(0), default, ("o", tenant.Id)), rows => rows is ["(1,1,0)"], "the analytics have it");
        row.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_burst_gets_one_answer_which_every_message_of_it_shows()
    {
        using var tenant = await app.LettingAsync();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/canned-replies",
            new { shortcut = "store_info", text = "We are open from 9 to 18.", language = "en" });
        var from = AiApp.NewNumber();
        await app.WriteBurstAsync(tenant, from, "Hello!", "What time do you open on Saturday?", "And where is your store?");
        var conversation = await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() > 0, "it is answered");
        await app.IdleAsync(tenant);
        var id = conversation.GetProperty("id").GetGuid();
        var messages = await Patience.UntilAsync(() => AiApp.MessagesAsync(tenant, id), all => all.Count(m =>
            m.GetProperty("direction").GetString() == "outbound" && m.GetProperty("status").GetString() is "read" or "delivered") == 1
            && all.Where(m => m.GetProperty("direction").GetString() == "inbound")
                .All(m => m.GetProperty("ai_processing") is { ValueKind: JsonValueKind.Object } p
                    && p.TryGetProperty("auto_replied", out var r)
                    && r.ValueKind == JsonValueKind.True), "the answer arrived, and what it answers shows it");
        messages.Count.ShouldBe(4);
        var answer = messages.Single(m => m.GetProperty("direction").GetString() == "outbound");
        answer.GetProperty("content").GetProperty("text").GetString().ShouldBe("We are open from 9 to 18.");
        answer.GetProperty("sent_by").GetProperty("is_automated").GetBoolean().ShouldBeTrue();
        messages.Where(m => m.GetProperty("direction").GetString() == "inbound").ShouldAllBe(m =>
            m.GetProperty("ai_processing").GetProperty("auto_reply_content").GetString() == "We are open from 9 to 18.");
        (await app.CountAsync(tenant, "conversation_auto_answered")).ShouldBe("1");
        // automatic answers stop no clock
        conversation.GetProperty("waiting_since").ValueKind.ShouldBe(JsonValueKind.String);
        await Patience.SoonAsync(async () => (await tenant.Api.SendAsync("GET", $"/v1/conversations/{id}/ai"))["messages"]
            .EnumerateArray().Select(m => m.GetProperty("role").GetString()).ShouldBe(["user", "user", "user", "assistant"]));
        await Patience.UntilAsync(() => app.Views.Click.QueryAsync(
            "SELECT toString(sum(auto_replied)) AS x FROM message_analytics FINAL WHERE organization_id = {o:UUID}", r => r.GetString(0),
            default, ("o", tenant.Id)), rows => rows is ["3"], "the analytics count what was answered");
    }

    [Fact]
    public async Task Nobody_is_answered_who_must_not_be()
    {
        using var tenant = await app.LettingAsync();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/canned-replies", new { shortcut = "store_info", text = "From 9 to 18." });
        var agent = await app.NewPersonAsync(tenant.Api, "agent");
        var cases = new Dictionary<string, string>();
        foreach (var name in new[] { "spam", "assigned", "opted_out", "answered" })
        {
            var from = cases[name] = AiApp.NewNumber();
            await app.WriteAsync(tenant, from, "ok"); // which nobody answers
            var conversation = await AiApp.ConversationAsync(tenant, from, _ => true, "it is shown");
            var path = $"/v1/conversations/{conversation.GetProperty("id").GetGuid()}";
            var done = name switch
            {
                "spam" => await tenant.Api.SendAsync("PATCH", path, new { status = "spam" }),
                "assigned" => await tenant.Api.SendAsync("POST", path + "/assign", new { user_id = agent.Id }),
                "opted_out" => await tenant.Api.SendAsync("POST",
                    $"/v1/contacts/{conversation.GetProperty("contact_id").GetGuid()}/consent",
                    new { status = "OPTED_OUT", source = "form" }),
                _ => await agent.Client.SendAsync("POST", path + "/messages", new { type = "text", text = new { body = "I am here." } }),
            };
            done.Status.ShouldBeInRange(200, 201, done.Text);
        }

        await app.IdleAsync(tenant);
        foreach (var from in cases.Values)
        {
            await app.WriteAsync(tenant, from, "What time do you open on Saturday?");
        }

        await app.IdleAsync(tenant);
        (await app.CountAsync(tenant, "conversation_auto_answered")).ShouldBe("0");
        (await app.CountAsync(tenant, "conversation_handed_over")).ShouldBe("0");
        (await app.CountAsync(tenant, "message_analysed")).ShouldBe("8"); // read they are all
    }

    [Fact]
    public async Task Whoever_asks_for_a_person_gets_one_until_the_conversation_is_given_back()
    {
        using var tenant = await app.LettingAsync();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/canned-replies", new { shortcut = "store_info", text = "From 9 to 18." });
        var from = AiApp.NewNumber();
        await app.WriteAsync(tenant, from, "Can I talk to a real person please");
        var conversation = await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("ai_handover").ValueKind == JsonValueKind.Object, "it is left to people");
        conversation.GetProperty("ai_handover").GetProperty("reason").GetString().ShouldBe("asked");
        await app.WriteAsync(tenant, from, "What time do you open on Saturday?");
        await app.IdleAsync(tenant);
        (await app.CountAsync(tenant, "conversation_auto_answered")).ShouldBe("0");
        var path = $"/v1/conversations/{conversation.GetProperty("id").GetGuid()}/ai";
        (await tenant.Api.SendAsync("POST", path, new { active = true })).Status.ShouldBe(204);
        await app.WriteAsync(tenant, from, "What time do you open on Saturday, then?");
        await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 1, "a machine answers again");
        (await tenant.Api.SendAsync("POST", path, new { active = false })).Status.ShouldBe(204);
        await AiApp.ConversationAsync(tenant, from, c => c.GetProperty("ai_handover") is { ValueKind: JsonValueKind.Object } h
            && h.GetProperty("reason").GetString() == "person", "a person took it");
    }

    [Fact]
    public async Task Many_who_work_at_the_same_time_and_a_restart_read_and_answer_each_once()
    {
        using var tenant = await app.LettingAsync();
        await AppFixture.CreatedAsync(tenant.Api, "/v1/canned-replies", new { shortcut = "store_info", text = "From 9 to 18." });
        var numbers = Enumerable.Range(0, 6).Select(_ => AiApp.NewNumber()).ToList();
        await Task.WhenAll(numbers.Select(from => app.WriteBurstAsync(tenant, from, "Hello", "What time do you open on Saturday?")));
        var shard = app.Services.GetRequiredService<Shards>().All[0];
        using var stop = new CancellationTokenSource();
        var racing = Enumerable.Range(0, 4).Select(async _ =>
        {
            using var driver = ActivatorUtilities.CreateInstance<AiDriver>(app.Services);
            while (!stop.IsCancellationRequested)
            {
                await driver.TurnAsync(shard, tenant.Id, CancellationToken.None);
                await Task.Delay(10, CancellationToken.None); // the others' turns are to come as well
            }
        }).ToList();
        await app.IdleAsync(tenant);
        await stop.CancelAsync();
        await Task.WhenAll(racing);
        (await app.CountAsync(tenant, "message_analysed")).ShouldBe("12");
        (await app.CountAsync(tenant, "conversation_auto_answered")).ShouldBe("6");
        await Patience.UntilAsync(() => Task.FromResult(numbers.Count(n => app.Meta.State.CountOfRecipient("+" + n).Accepted > 0
            || app.Meta.State.CountOfRecipient(n).Accepted > 0)), n => n == 6, "all have left");
        (await app.CountAsync(tenant, "message_queued")).ShouldBe("6");
    }

    [Fact]
    public async Task A_model_is_told_what_the_organization_lets_it_know_and_nothing_of_other_customers()
    {
        using var tenant = await app.LettingAsync();
        var model = $"m{Guid.NewGuid():N}-good";
        await app.AskAsync(tenant, model: model);
        var (from, other) = (AiApp.NewNumber(), AiApp.NewNumber());
        await app.WriteAsync(tenant, other, "We would like marzipan for the wedding, do you have any?");
        await app.WriteAsync(tenant, from, "Parcel 55223344 has not come, what time do you open?");
        var conversation = await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 1, "a model answered");
        (await tenant.Api.SendAsync("PATCH", $"/v1/contacts/{conversation.GetProperty("contact_id").GetGuid()}",
            new { first_name = "Zebedee", tags = new[] { "gold-member" } })).Status.ShouldBe(200);
        await app.WriteAsync(tenant, from, "And on Sunday, what time do you open then?");
        await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 2, "it answered again");
        var little = Asked();
        foreach (var kept in (string[])["Zebedee", "gold-member", from, "55223344"])
        {
            little.ShouldAllBe(said => !said.Contains(kept, StringComparison.Ordinal), kept);
        }

        await AiApp.SetAsync(tenant, new { share = new { name = true, phone_number = true, tags = true, numbers = true } });
        await app.WriteAsync(tenant, from, "And on Monday?  What time do you open on that day?");
        await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 3, "it answered once more");
        var all = Asked();
        foreach (var shared in (string[])["Zebedee", "gold-member", from, "55223344"])
        {
            all.Skip(little.Count).ShouldContain(said => said.Contains(shared, StringComparison.Ordinal), shared);
        }

        all.ShouldContain(said => said.Contains("marzipan", StringComparison.Ordinal));
        all.ShouldAllBe(said => !said.Contains("marzipan", StringComparison.Ordinal)
            || !said.Contains("you open", StringComparison.Ordinal));

        List<string> Asked() => [.. app.Meta.State.Models.Requests
            .Where(r => r.Body.GetProperty("model").GetString() == model).Select(r => r.User)];
    }

    [Fact]
    public async Task What_is_erased_is_gone_from_what_models_were_asked()
    {
        using var tenant = await app.LettingAsync();
        await app.AskAsync(tenant);
        var from = AiApp.NewNumber();
        await app.WriteAsync(tenant, from, "What time do you open on Saturday?");
        var conversation = await AiApp.ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 1, "a model answered");
        var id = conversation.GetProperty("id").GetGuid();
        var history = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations/{id}/ai"), a =>
            a.Status == 200 && a["messages"].GetArrayLength() == 2, "its history is there");
        (history["model"].GetString(), history["system_prompt"].GetString()!.Length > 0, history["total_tokens"].GetInt64() > 0)
            .ShouldBe(("played-good", true, true));
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{conversation.GetProperty("contact_id").GetGuid()}/erase")).Status.ShouldBe(202);
        (await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations/{id}/ai"), a => a.Status == 404, "it is gone"))
            .Code.ShouldBe("ai_conversation.unknown");
        var shown = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations/{id}"), c =>
            c["ai_analysis"].ValueKind == JsonValueKind.Null, "nothing is left of the analysis");
        shown["ai_handover"].ValueKind.ShouldBe(JsonValueKind.Null);
    }
}
