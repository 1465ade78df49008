using System.Net.Http.Json;
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
            app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE type = 'message_received' AND tenant_id = $1", $"{tenant.Id}"),
            n => n == "1", "the window is open");
        foreach (var (type, body, context) in Messages())
        {
            var answer =
                await tenant.Api.SendAsync("POST", "/v1/messages",
                    new Dictionary<string, object?> { ["account_id"] = tenant.AccountId, ["to"] = Customer, ["type"] = type, [type] = body,
                        ["context_message_id"] = context });
            answer.Status.ShouldBe(201, $"{type}: {answer.Text}");
        }

        await tenant.ImportAsync(["+919871230043"]);
        foreach (var (name, components, parameters) in Templates())
        {
            await tenant.LaunchAsync(await tenant.NewTemplateAsync(name, components), new { template_parameters = parameters });
        }

        var wanted = Messages().Count() + (2 * Templates().Count()); // both contacts get each campaign
        var sent = await Patience.UntilAsync(() =>
            Task.FromResult(app.Meta.State.Messages().Where(m => m.PhoneNumberId == tenant.PhoneNumberId).ToList()), m =>
                m.Count >= wanted, $"{wanted} messages reach Meta");
        sent.Where(m => m.RefusedWith is not null)
            .Select(m => $"{m.Type} {m.RefusedWith} {System.Text.Encoding.UTF8.GetString(m.Body.Span)}").ShouldBeEmpty();
        sent.Select(m => m.Type).Distinct().Order(StringComparer.Ordinal)
            .ShouldBe(["audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "template", "text",
                "video"]);
        var (passed, said) = await MetaContract.CheckAsync([.. sent.Select(m => ($"{m.Number:00}-{m.Type}", m.Body))]);
        passed.ShouldBeTrue(said);
        said.ShouldContain($"{sent.Count}/{sent.Count} ok");
    }

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
