using System.Net.Http.Json;
using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Every body that the sender posts to Graph is one that Meta's contract allows.</summary>
public sealed class OutboundBodyTests(TenantApp app) : IClassFixture<TenantApp>
{
    private const string Customer = "919871230042";

    [Fact]
    public async Task Every_type_of_message_and_every_kind_of_template_passes_Metas_schema()
    {
        var tenant = app.Tenant;
        using var meta = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        using var wrote =
            await meta.PostAsJsonAsync("/_control/inbound",
                new { phone_number_id = tenant.PhoneNumberId, from = Customer, type = "text", text = "Hi", id = "wamid.customer" });
        wrote.EnsureSuccessStatusCode();
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("""
                SELECT count(*) FROM mt_events m JOIN mt_events w ON w.tenant_id = m.tenant_id AND w.type = 'customer_window_opened'
                   AND w.data ->> 'contact_id' = m.data -> 'ref' ->> 'contact_id'
                 WHERE m.type = 'message_received' AND m.tenant_id = $1 AND m.data ->> 'wamid' = 'wamid.customer'
                """, $"{tenant.Id}"),
            n => n == "1", "this customer's window is open");
        foreach (var (type, body, context) in Messages())
        {
            var answer =
                await tenant.Api.SendAsync("POST", "/v1/messages",
                    new Dictionary<string, object?> { ["account_id"] = tenant.AccountId, ["to"] = Customer, ["type"] = type, [type] = body,
                        ["context_message_id"] = context });
            answer.Status.ShouldBe(201, answer.Status == 201 ? type : $"{type}: {answer.Text} {await KnownAsync()}");
        }

        await tenant.ImportAsync(["+919871230043"]);
        foreach (var (name, components, parameters) in Templates())
        {
            await tenant.LaunchAsync(await tenant.NewTemplateAsync(name, components), new { template_parameters = parameters });
        }

        string[] types = ["audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "template", "text",
            "video"];
        var wanted = Messages().Count() + (2 * Templates().Count()); // both contacts get each campaign
        var sent = await Patience.UntilAsync(() =>
            Task.FromResult(app.Meta.State.Messages().Where(m => m.PhoneNumberId == tenant.PhoneNumberId).ToList()), m =>
                m.Count >= wanted && types.All(type => m.Any(x => x.Type == type)), $"{wanted} messages reach Meta, of each type some");
        sent.Where(m => m.RefusedWith is not null)
            .Select(m => $"{m.Type} {m.RefusedWith} {System.Text.Encoding.UTF8.GetString(m.Body.Span)}").ShouldBeEmpty();
        sent.Select(m => m.Type).Distinct().Order(StringComparer.Ordinal)
            .ShouldBe(types);
        var (passed, said) = await MetaContract.CheckAsync([.. sent.Select(m => ($"{m.Number:00}-{m.Type}", m.Body))]);
        passed.ShouldBeTrue(said);
        said.ShouldContain($"{sent.Count}/{sent.Count} ok");
    }

    // Whom the organization knows, and whose window is open: what a refusal came from.
    private Task<string> KnownAsync() => app.Views.ScalarAsync("""
        SELECT concat(now(), ' contacts: ', (SELECT string_agg(concat_ws(' ', c.id, c.phone_number, c.wa_user_id, c.created_at), '; ')
                      FROM contacts c WHERE c.organization_id = $1),
                      ' events: ', (SELECT string_agg(concat_ws(' ', e.seq_id, e.type, e.stream_id, e.timestamp, e.data - 'content'), '; ')
                      FROM mt_events e WHERE e.tenant_id = $1::text AND e.type IN ('message_received', 'customer_window_opened')))
        """, app.Tenant.Id);

    private static IEnumerable<(string Type, object Body, string? Context)> Messages()
    {
        yield return ("text", new { body = "Hello" }, null);
        yield return ("text", new { body = "See https://example.com", preview_url = true }, "wamid.customer");
        foreach (var type in new[] { "image", "video", "audio", "sticker" })
        {
            yield return (type, new { link = $"https://example.com/a.{type}" }, null);
        }

        yield return ("image", new { link = "https://example.com/a.jpg", caption = "Look" }, null);
        yield return ("document", new { link = "https://example.com/a.pdf", caption = "Bill", filename = "bill.pdf" }, null);
        yield return ("location", new { latitude = 52.52, longitude = 13.405, name = "Office", address = "Berlin" }, null);
        yield return ("contacts",
            new[] { new { name = new { formatted_name = "Asha Rao", first_name = "Asha" },
                phones = new[] { new { phone = "+919876543210", type = "WORK", wa_id = "919876543210" } } } }, null);
        yield return ("reaction", new { message_id = "wamid.customer", emoji = "👍" }, null);
        yield return ("reaction", new { message_id = "wamid.customer", emoji = "" }, null);
        foreach (var interactive in Interactive())
        {
            yield return ("interactive", interactive, null);
        }

        yield return ("interactive",
            new { type = "button", body = new { text = "Well?" },
                action = new { buttons = new[] { new { type = "reply", reply = new { id = "y", title = "Yes" } } } } }, null);
        yield return ("interactive",
            new { type = "list", body = new { text = "Pick" },
                action = new { button = "Open",
                    sections = new[] { new { title = "All",
                        rows = new[] { new { id = "1", title = "One", description = "First" } } } } } }, null);
        yield return ("interactive",
            new { type = "cta_url", body = new { text = "Go" },
                action = new { name = "cta_url", parameters = new { display_text = "Open", url = "https://example.com" } } }, null);
        yield return ("template",
            new { name = "order_on_its_way", language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } }, null);
    }

    private static IEnumerable<object> Interactive()
    {
        var body = new { text = "Look at this" };
        var items = new[] { new { product_retailer_id = "p1" }, new { product_retailer_id = "p2" } };
        yield return new
        {
            type = "button", header = new { type = "image", image = new { link = "https://example.com/a.jpg" } }, body,
            footer = new { text = "Acme" },
            action = new { buttons = new[] { new { type = "reply", reply = new { id = "n", title = "No" } } } },
        };
        yield return new { type = "location_request_message", body, action = new { name = "send_location" } };
        yield return new
        {
            type = "flow", body,
            action = new
            {
                name = "flow",
                parameters = new
                {
                    flow_message_version = "3", flow_id = "77", flow_cta = "Book", flow_token = "t", flow_action = "navigate",
                    flow_action_payload = new { screen = "FIRST", data = new { day = "Monday" } },
                },
            },
        };
        yield return new { type = "product", body, action = new { catalog_id = "c1", product_retailer_id = "p1" } };
        yield return new
        {
            type = "product_list", header = new { type = "text", text = "Shoes" }, body,
            action = new { catalog_id = "c1", sections = new[] { new { title = "All", product_items = items } } },
        };
        yield return new
        {
            type = "catalog_message", body,
            action = new { name = "catalog_message", parameters = new { thumbnail_product_retailer_id = "p1" } },
        };
    }

    [Fact]
    public async Task Everything_that_was_sent_is_shown_and_a_reaction_is_shown_on_its_message()
    {
        var tenant = app.Tenant;
        const string person = "919871230077";
        await InboundAsync(person, "wamid.of.77");
        var first = await Patience.UntilAsync(() => tenant.AllAsync("/v1/conversations"), all =>
            all.Any(c => c.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + person), "the conversation is shown");
        var conversation = first.Single(c => c.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + person)
            .GetProperty("id").GetGuid();
        var theirs = (await Patience.UntilAsync(() => tenant.AllAsync($"/v1/conversations/{conversation}/messages"), m => m.Count == 1,
            "the message is shown")).Single().GetProperty("id").GetGuid();
        async Task<Guid> Sent(string type, object body, object? about = null)
        {
            var answer = await tenant.Api.SendAsync("POST", $"/v1/conversations/{conversation}/messages",
                new Dictionary<string, object?> { ["type"] = type, [type] = body, ["context_message_id"] = about });
            answer.Status.ShouldBe(201, answer.Text);
            return answer["id"].GetGuid();
        }

        var ids = new List<Guid>();
        foreach (var interactive in Interactive())
        {
            ids.Add(await Sent("interactive", interactive));
        }

        var cards = await Sent("contacts", new[] { new { name = new { formatted_name = "Asha Rao" },
            phones = new[] { new { phone = "+1 555" } } } });
        var reply = await Sent("text", new { body = "An answer" }, theirs); // by our id
        var reaction = await Sent("reaction", new { message_id = theirs, emoji = "👍" });
        var all = await Patience.UntilAsync(() => tenant.AllAsync($"/v1/conversations/{conversation}/messages"), shown =>
            shown.Count == ids.Count + 3 && shown.Any(m => m.GetProperty("id").GetGuid() == theirs
                && m.GetProperty("reactions").ValueKind == JsonValueKind.Array), "all is shown, the reaction on its message");
        var byId = all.ToDictionary(m => m.GetProperty("id").GetGuid());
        ids.Select(id => byId[id].GetProperty("interactive").GetProperty("type").GetString())
            .ShouldBe(["button", "location_request_message", "flow", "product", "product_list", "catalog_message"]);
        ids.ShouldAllBe(id => byId[id].GetProperty("content").GetProperty("text").GetString() == "Look at this");
        byId[ids[0]].GetProperty("details").GetProperty("interactive").GetProperty("action").GetProperty("buttons").GetArrayLength()
            .ShouldBe(1);
        byId[cards].GetProperty("details").GetProperty("contacts")[0].GetProperty("phones")[0].GetProperty("phone").GetString()
            .ShouldBe("+1 555");
        byId[reply].GetProperty("context").GetProperty("wa_message_id").GetString().ShouldBe("wamid.of.77");
        byId.ContainsKey(reaction).ShouldBeFalse();
        byId[theirs].GetProperty("reactions")[0].GetProperty("emoji").GetString().ShouldBe("👍");
        await Patience.SoonAsync(async () =>
        {
            var listed = (await tenant.Api.SendAsync("GET", $"/v1/conversations/{conversation}")).Body;
            (listed.GetProperty("last_message_preview").GetString(), listed.GetProperty("message_count").GetProperty("outgoing").GetInt32())
                .ShouldBe(("An answer", ids.Count + 2));
        });
        await Sent("reaction", new { message_id = "wamid.of.77", emoji = "" });
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/conversations/{conversation}/messages"), m =>
            m["data"].EnumerateArray().All(one => one.GetProperty("reactions").ValueKind == JsonValueKind.Null), "it is taken back");
        (await tenant.Api.SendAsync("POST", "/v1/messages", new
        {
            account_id = tenant.AccountId, to = "+" + person, type = "text", text = new { body = "x" },
            context_message_id = Guid.NewGuid(),
        })).ShouldBeProblem(400, "message.target_unknown");
    }

    [Fact]
    public async Task A_template_is_sent_with_every_kind_of_component_that_it_asks_for_and_in_a_language_that_there_is()
    {
        var tenant = app.Tenant;
        var card = new object[]
        {
            new { type = "HEADER", format = "IMAGE", example = new { header_handle = new[] { "4::aW" } } },
            new { type = "BODY", text = "For {{1}} only.", example = new { body_text = new[] { new[] { "you" } } } },
        };
        await tenant.NewTemplateAsync("carousel", new
        {
            body = new { text = "Look at these." },
            others = new object[] { new { type = "CAROUSEL", cards = new[] { new { components = card }, new { components = card } } } },
        });
        await tenant.NewTemplateAsync("offer", new
        {
            body = new { text = "Buy now." },
            others = new object[]
            {
                new { type = "LIMITED_TIME_OFFER", limited_time_offer = new { text = "Ends", has_expiration = true } },
            },
            buttons = new object[]
            {
                new { type = "COPY_CODE", example = "SAVE10" },
                new { type = "URL", text = "Go", url = "https://example.com/{{1}}", example = "https://example.com/a" },
            },
        });
        var filled = new[]
        {
            new { type = "header",
                parameters = new object[] { new { type = "image", image = new { link = "https://example.com/a.jpg" } } } },
            new { type = "body", parameters = new object[] { new { type = "text", text = "Asha" } } },
        };
        var end = new { type = "limited_time_offer", limited_time_offer = new { expiration_time_ms = 1_900_000_000_000L } };
        object[] offer =
        [
            new { type = "limited_time_offer", parameters = new[] { end } },
            new { type = "button", sub_type = "copy_code", index = "0",
                parameters = new[] { new { type = "coupon_code", coupon_code = "SAVE10" } } },
            new { type = "button", sub_type = "url", index = "1", parameters = new[] { new { type = "text", text = "a" } } },
        ];
        object[] cards = [new { type = "carousel", cards = new[] { 0, 1 }.Select(i => new { card_index = i, components = filled }) }];
        var sent = new List<Guid>
        {
            (await SendAsync("carousel", "en", cards))["id"].GetGuid(), (await SendAsync("offer", "en", offer))["id"].GetGuid(),
            (await SendAsync("offer", "ar_EG", offer, "fallback"))["id"].GetGuid(),
        };
        (await SendAsync("offer", "ar_EG", offer)).ShouldBeProblem(404, "template.unknown");
        var unfit = (await SendAsync("offer", "en", [])).ShouldBeProblem(400, "message.template_parameters");
        unfit["errors"].EnumerateObject().Select(e => e.Name).ShouldBe(["template.components.buttons.0", "template.components.buttons.1",
            "template.components.limited_time_offer"], ignoreOrder: true);
        var long1025 = new { type = "text", text = new string('x', 1025) };
        (await SendAsync("offer", "en", [new { type = "body", parameters = new[] { long1025 } }]))
            .ShouldBeProblem(400, "request.invalid")["errors"].GetProperty("template.components[0].parameters[0].text")[0].GetString()!
            .ShouldContain("1 to 1024");
        var bodies = await Patience.UntilAsync(() => Task.FromResult(app.Meta.State.Messages()
            .Where(m => sent.Select(id => $"{id}").Contains(m.CallbackData)).ToList()), m => m.Count == 3, "the three reach Meta");
        bodies.ShouldAllBe(m => m.RefusedWith == null);
        var (passed, said) = await MetaContract.CheckAsync([.. bodies.Select(m => ($"{m.Number:00}", m.Body))]);
        passed.ShouldBeTrue(said);

        Task<Answer> SendAsync(string name, string code, object[] components, string? policy = null) =>
            tenant.Api.SendAsync("POST", "/v1/messages", new
            {
                account_id = tenant.AccountId, to = "+919871230078", type = "template",
                template = new { name, language = policy is null ? (object)new { code } : new { code, policy }, components },
            });
    }

    private async Task InboundAsync(string from, string id)
    {
        using var meta = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        using var wrote = await meta.PostAsJsonAsync("/_control/inbound",
            new { phone_number_id = app.Tenant.PhoneNumberId, from, type = "text", text = "Hi", id });
        wrote.EnsureSuccessStatusCode();
    }

    private static IEnumerable<(string Name, object Components, object Parameters)> Templates()
    {
        var body = new { text = "Hello {{1}}, your order {{2}} is ready to be picked up.", example = new[] { "Asha", "A-17" } };
        string[] values = ["{{contact.first_name}}", "A-17"];
        yield return ("plain", new { body = new { text = "Your order is ready to be picked up." } }, new { });
        yield return ("text_header_and_buttons", new
        {
            header = new { format = "TEXT", text = "Order {{1}}", example = new[] { "A-17" } }, body, footer = new { text = "Acme" },
            buttons = new object[]
            {
                new { type = "QUICK_REPLY", text = "Stop" },
                    new { type = "URL", text = "Track", url = "https://example.com/{{1}}", example = "https://example.com/A-17" },
                new { type = "PHONE_NUMBER", text = "Call", phone_number = "+15550001111" },
            },
        }, new { header = new[] { "A-17" }, body = values, buttons = new[] { "A-17" } });
        yield return ("image_header", new { header = new { format = "IMAGE", example_handle = "4::aW" }, body },
            new { header = new { link = "https://example.com/a.jpg" }, body = values });
        yield return ("document_header", new { header = new { format = "DOCUMENT", example_handle = "4::aW" }, body },
            new { header = new { link = "https://example.com/a.pdf", filename = "a.pdf" }, body = values });
        yield return ("location_header", new { header = new { format = "LOCATION" }, body },
            new { header = new { latitude = 52.5, longitude = 13.4, name = "Shop", address = "Berlin" }, body = values });
        yield return ("named",
            new { body =
                new { text = "Hello {{first_name}}, your order {{order}} is ready for you.",
                    example = new { first_name = "Asha", order = "A-17" } } },
            new { body = new { first_name = "{{contact.first_name}}", order = "A-17" } });
    }
}
