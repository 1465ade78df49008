using System.Text.Json;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>How a number is shown.</summary>
internal static class PhoneJson
{
    /// <summary>Messages a second from which Meta calls a number's throughput HIGH.</summary>
    private const int HighThroughput = 1_000;

    private static readonly string[] FieldsByDefault =
        ["verified_name", "code_verification_status", "display_phone_number", "quality_rating", "platform_type", "throughput"];

    /// <param name="fields">None shows Graph's own choice.</param>
    public static void Write(Utf8JsonWriter json, PhoneNumber phone, string[] fields, SimulatorOptions options)
    {
        json.WriteStartObject();
        foreach (var field in fields.Length == 0 ? FieldsByDefault : fields.Where(f => f != "id"))
        {
            Field(json, phone, field, options);
        }

        json.WriteString("id", phone.Id);
        json.WriteEndObject();
    }

    private static void Field(Utf8JsonWriter json, PhoneNumber phone, string field, SimulatorOptions options)
    {
        switch (field)
        {
            case "display_phone_number": json.WriteString(field, "+" + phone.Display); break;
            case "verified_name": json.WriteString(field, phone.VerifiedName); break;
            case "quality_rating": json.WriteString(field, phone.QualityRating); break;
            case "status": json.WriteString(field, phone.Registered ? "CONNECTED" : "DISCONNECTED"); break;
            case "name_status": json.WriteString(field, phone.NameStatus); break;
            case "is_on_biz_app": json.WriteBoolean(field, phone.OnBusinessApp); break;
            case "code_verification_status": json.WriteString(field, "VERIFIED"); break;
            case "platform_type": json.WriteString(field, phone.Registered ? "CLOUD_API" : "NOT_APPLICABLE"); break;
            case "account_mode": json.WriteString(field, "LIVE"); break;
            case "is_pin_enabled": json.WriteBoolean(field, phone.Pin is not null); break;
            case "messaging_limit_tier" or "whatsapp_business_manager_messaging_limit": json.WriteString(field, "TIER_UNLIMITED"); break;
            case "throughput":
                var mps = phone.MpsLimit ?? options.MpsLimit;
                json.WriteStartObject(field);
                json.WriteString("level", mps is 0 or >= HighThroughput ? "HIGH" : "STANDARD");
                json.WriteEndObject();
                break;
            case "health_status":
                json.WriteStartObject(field);
                json.WriteString("can_send_message", phone.Registered ? "AVAILABLE" : "BLOCKED");
                json.WriteEndObject();
                break;
        }
    }
}
