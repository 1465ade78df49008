using System.Text.Json;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

/// <summary>
/// The rules of interactive messages. Source of limits: Meta's Cloud API guides on reply buttons, lists and call-to-action urls.
/// </summary>
internal static class InteractiveRules
{
    private const int ButtonsMax = 3;
    private const int SectionsMax = 10;

    /// <summary>Rows of all sections together.</summary>
    private const int RowsMax = 10;

    private const int ProductsMax = 30;
    private const int FooterLengthMax = 60;
    private const int HeaderLengthMax = 60;

    private static readonly string[] Others =
        ["address_message", "contact_request", "call_permission_request", "voice_call", "carousel"];

    public static GraphError? Check(JsonElement interactive)
    {
        var type = interactive.Text("type");
        return type switch
        {
            "button" => Frame(interactive, 1024, anyHeader: true) ?? Buttons(interactive),
            "list" => Frame(interactive, 4096, anyHeader: false) ?? List(interactive),
            "cta_url" => Frame(interactive, 1024, anyHeader: true) ?? CallToAction(interactive),
            "location_request_message" => Frame(interactive, 1024, anyHeader: false) ?? ActionNamed(interactive, "send_location"),
            "flow" => Frame(interactive, 1024, anyHeader: true) ?? Flow(interactive),
            "product" => interactive.Object("header") is not null ? GraphError.Invalid("'interactive.header' may not be set for 'product'.")
                : Named(interactive, "catalog_id") ?? Named(interactive, "product_retailer_id"),
            "product_list" => Frame(interactive, 1024, anyHeader: false) ?? Products(interactive),
            "catalog_message" => Frame(interactive, 1024, anyHeader: false) ?? ActionNamed(interactive, "catalog_message"),
            null => GraphError.Missing("Required parameter 'interactive.type' is missing."),
            _ when Others.Contains(type) =>
                interactive.Object("action") is null ? GraphError.Missing("Required parameter 'interactive.action' is missing.") : null,
            _ => GraphError.Parameter($"Param interactive['type'] is not a known type - got \"{type}\"."),
        };
    }

    private static GraphError? Frame(JsonElement interactive, int bodyMax, bool anyHeader)
    {
        if (interactive.Object("body") is not { } body)
        {
            return GraphError.Missing("Required parameter 'interactive.body' is missing.");
        }

        return MessageRules.Length(body, "interactive['body']['text']", "text", 1, bodyMax)
            ?? (interactive.Object("footer") is { } footer
                ? MessageRules.Length(footer, "interactive['footer']['text']", "text", 1, FooterLengthMax) : null)
            ?? (interactive.Object("header") is { } header ? Header(header, anyHeader) : null);
    }

    private static GraphError? Header(JsonElement header, bool any) => header.Text("type") switch
    {
        "text" => MessageRules.Length(header, "interactive['header']['text']", "text", 1, HeaderLengthMax),
        "image" or "video" or "document" when any => header.Object(header.Text("type")!) is { } media
            ? MessageRules.Media(header.Text("type")!, media)
            : GraphError.Missing($"Required parameter 'interactive.header.{header.Text("type")}' is missing."),
        var other => GraphError.Invalid($"'interactive.header.type' may not be '{other}' here."),
    };

    private static GraphError? Buttons(JsonElement interactive)
    {
        var buttons = interactive.Object("action")?.Items("buttons") ?? [];
        if (buttons.Length is 0 or > ButtonsMax)
        {
            return GraphError.Invalid($"'interactive.action.buttons' must hold 1 to {ButtonsMax} buttons.");
        }

        var ids = new HashSet<string>();
        foreach (var button in buttons)
        {
            if (button.Text("type") != "reply" || button.Object("reply") is not { } reply)
            {
                return GraphError.Invalid("'interactive.action.buttons[].type' must be 'reply' with an object 'reply'.");
            }

            var fault = MessageRules.Length(reply, "button reply id", "id", 1, 256)
                ?? MessageRules.Length(reply, "button reply title", "title", 1, 20);
            if (fault is not null || !ids.Add(reply.Text("id")!))
            {
                return fault ?? GraphError.Invalid("Duplicate button reply id.");
            }
        }

        return null;
    }

    private static GraphError? List(JsonElement interactive)
    {
        if (interactive.Object("action") is not { } action)
        {
            return GraphError.Missing("Required parameter 'interactive.action' is missing.");
        }

        var sections = action.Items("sections");
        var rows = sections.SelectMany(s => s.Items("rows")).ToArray();
        if (sections.Length is 0 or > SectionsMax || rows.Length is 0 or > RowsMax)
        {
            return GraphError.Invalid(
                $"'interactive.action.sections' must hold 1 to {SectionsMax} sections with 1 to {RowsMax} rows in all.");
        }

        return MessageRules.Length(action, "interactive['action']['button']", "button", 1, 20)
            ?? rows.Select(Row).FirstOrDefault(fault => fault is not null)
            ?? (rows.Select(r => r.Text("id")).Distinct().Count() < rows.Length ? GraphError.Invalid("Duplicate row id.") : null);
    }

    private static GraphError? Row(JsonElement row) =>
        MessageRules.Length(row, "row id", "id", 1, 200)
        ?? MessageRules.Length(row, "row title", "title", 1, 24)
        ?? MessageRules.Length(row, "row description", "description", 0, 72);

    private static GraphError? CallToAction(JsonElement interactive)
    {
        if (ActionNamed(interactive, "cta_url") is { } fault)
        {
            return fault;
        }

        return interactive.Object("action")?.Object("parameters") is not { } parameters
            ? GraphError.Missing("Required parameter 'interactive.action.parameters' is missing.")
            : MessageRules.Length(parameters, "display_text", "display_text", 1, 20)
            ?? MessageRules.Length(parameters, "url", "url", 1, 2000);
    }

    private static GraphError? Flow(JsonElement interactive)
    {
        if (ActionNamed(interactive, "flow") is { } fault)
        {
            return fault;
        }

        if (interactive.Object("action")?.Object("parameters") is not { } parameters)
        {
            return GraphError.Missing("Required parameter 'interactive.action.parameters' is missing.");
        }

        return parameters.Text("flow_message_version") != "3"
            ? GraphError.Invalid("'interactive.action.parameters.flow_message_version' must be '3'.")
            : (parameters.Text("flow_id") is null) == (parameters.Text("flow_name") is null)
            ? GraphError.Missing("Exactly one of 'flow_id' and 'flow_name' must be given.")
            : MessageRules.Length(parameters, "flow_cta", "flow_cta", 1, 30);
    }

    private static GraphError? Products(JsonElement interactive)
    {
        var items = interactive.Object("action")?.Items("sections").SelectMany(s => s.Items("product_items")).ToArray() ?? [];
        return interactive.Object("header") is null ? GraphError.Missing("Required parameter 'interactive.header' is missing.")
            : Named(interactive, "catalog_id") is { } fault ? fault
            : items.Length is 0 or > ProductsMax || items.Any(i => i.Text("product_retailer_id") is not { Length: > 0 })
            ? GraphError.Invalid($"'interactive.action.sections' must hold 1 to {ProductsMax} products in all.") : null;
    }

    private static GraphError? Named(JsonElement interactive, string name) =>
        interactive.Object("action")?.Text(name) is { Length: > 0 } ? null
        : GraphError.Missing($"Required parameter 'interactive.action.{name}' is missing.");

    private static GraphError? ActionNamed(JsonElement interactive, string name) =>
        interactive.Object("action")?.Text("name") == name ? null : GraphError.Invalid($"'interactive.action.name' must be '{name}'.");
}
