using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

// The search finds what was written on the phone and what lay in its app before, until the contact is erased.
public sealed partial class PhoneMessagesTests
{
    [Fact]
    public async Task What_was_written_on_the_phone_and_before_it_was_connected_is_found_by_its_words_and_by_nobody_once_it_is_erased()
    {
        using var tenant = await app.NewTenantAsync();
        using var neighbour = await app.NewTenantAsync();
        (string from, string past) = ("919833000021", "919833000022");
        await PostAsync(Envelope(tenant, "smb_message_echoes", $$$"""
            "message_echoes":[{"from":"{{{Ours}}}","to":"{{{from}}}","id":"wamid.found.1","timestamp":"{{{At(-40)}}}","type":"text",
            "text":{"body":"The slip QX-77819 is in the drawer"}},
            {"from":"{{{Ours}}}","to":"{{{from}}}","id":"wamid.found.2","timestamp":"{{{At(-30)}}}","type":"image",
            "image":{"id":"4711","mime_type":"image/png","caption":"La façade du pavillon"}}]
            """));
        await PostAsync(Envelope(tenant, "history", $$$"""
            "history":[{"metadata":{"phase":0,"chunk_order":1,"progress":100},"threads":[{"id":"{{{past}}}","messages":[
            {"from":"{{{past}}}","id":"wamid.found.3","timestamp":"{{{At(-90_000)}}}","type":"text",
              "text":{"body":"¿Cuánto cuesta la lámpara grande?"},"history_context":{"status":"READ"}},
            {"from":"{{{Ours}}}","to":"{{{past}}}","id":"wamid.found.4","timestamp":"{{{At(-80_000)}}}","type":"text",
              "text":{"body":"بعشرين دولارًا"},"history_context":{"status":"READ"}}]}]}]
            """));
        await FoundAsync(tenant, "qx-77819", from);
        await FoundAsync(tenant, "77819 drawer", from);
        await FoundAsync(tenant, "facade", from);
        await FoundAsync(tenant, "LAMPARA", past);
        await FoundAsync(tenant, "دولارا", past);
        (await SearchAsync(tenant, "lampara"))["data"][0].GetProperty("match").GetProperty("text").GetString()
            .ShouldBe("¿Cuánto cuesta la lámpara grande?");
        (await SearchAsync(tenant, "lampara", "&unread=true"))["data"].GetArrayLength().ShouldBe(0);
        (await SearchAsync(neighbour, "lampara"))["data"].GetArrayLength().ShouldBe(0);

        // The documents hold what Meta sent of them, under the specification's name, until the contact is erased.
        (await RawIdsAsync(tenant)).ShouldBe(["wamid.found.1", "wamid.found.2", "wamid.found.3", "wamid.found.4"]);
        var contact = (await SearchAsync(tenant, "lampara"))["data"][0].GetProperty("contact_id").GetGuid();
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{contact}/erase")).Status.ShouldBe(202);
        await Patience.UntilAsync(() => app.Views.ScalarAsync("""
            SELECT (SELECT count(*) FROM bsp.message_search WHERE contact_id = $1)
              + (SELECT count(*) FROM bsp.conversation_search WHERE contact_id = $1)
            """, contact), n => n == "0", "nothing of them is in the index");
        (await SearchAsync(tenant, "lampara"))["data"].GetArrayLength().ShouldBe(0);
        await Patience.SoonAsync(async () => (await RawIdsAsync(tenant)).ShouldBe(["wamid.found.1", "wamid.found.2"]));
        await FoundAsync(tenant, "qx-77819", from);
    }

    private static Task FoundAsync(Tenant tenant, string words, string number) => Patience.SoonAsync(async () =>
        (await SearchAsync(tenant, words))["data"].EnumerateArray()
        .Select(c => c.GetProperty("contact").GetProperty("phone_number").GetString()).ShouldBe(["+" + number], words));

    private static Task<Answer> SearchAsync(Tenant tenant, string words, string more = "") =>
        tenant.Api.SendAsync("GET", $"/v1/conversations?q={Uri.EscapeDataString(words)}{more}");

    private static async Task<List<string?>> RawIdsAsync(Tenant tenant)
    {
        var ids = new List<string?>();
        foreach (var conversation in await tenant.AllAsync("/v1/conversations"))
        {
            ids.AddRange((await tenant.AllAsync($"/v1/conversations/{conversation.GetProperty("id").GetGuid()}/messages"))
                .Select(m => m.GetProperty("raw_webhook")).Where(raw => raw.ValueKind == JsonValueKind.Object)
                .Select(raw => raw.GetProperty("id").GetString()));
        }

        return [.. ids.Order(StringComparer.Ordinal)];
    }
}
