using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using MediatR;

namespace Bsp.UnitTests.Common;

public sealed class KeptJsonTests
{
    /// <summary>What must not be kept, as JSON text.</summary>
    public static readonly TheoryData<string> Bad =
    [
        "1e131071", "1e-16383", "-1e131071", "1E+131071", "1e400", "1e-400", "1e29", "8e28", "79228162514264337593543950336", "1e-29",
            "0e-16383", "0.00000000000000000000000000001",
        "1e99999999999999999999", "1e-99999999999999999999", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ude00\\ud83d\"", "\"a\\u0000\"",
        """{"\ud800":1}""", """{"\u0000":1}""", """{"a":1,"a":2}""", """{"a":1,"\u0061":2}""",
        """{"a":[{"b":1e400}]}""",
    ];

    public static readonly TheoryData<string> Good =
    [
        "0", "-0", "1e28", "1e-28", "79228162514264337593543950335", "-79228162514264337593543950335", "0.0000000000000000000000000001",
            "12.5e3", "\"\\ud83d\\ude00\"", "\"\\\\u0000\"", "\"\\\\ud83d\"", """{"a":{"a":1},"A":2}""",
        "[null,true,false,\"\",{},[]]",
    ];

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_a_store_refuses_or_blows_up_is_a_fault(string json) =>
        KeptJson.Fault(JsonSerializer.Deserialize<JsonElement>(json)).ShouldNotBeNull();

    [Theory]
    [MemberData(nameof(Good))]
    public void What_every_store_gives_back_is_none(string json) =>
        KeptJson.Fault(JsonSerializer.Deserialize<JsonElement>(json)).ShouldBeNull();

    [Theory]
    [InlineData("""{"settings":{"a":[1,{"b":1e400}]}}""", "settings.a[1].b", "settings")]
    [InlineData("""{"x":1,"tags":["ok","\ud800"]}""", "tags[1]", "tags")]
    [InlineData("""{"x":{"y":{"y":1,"y":2}}}""", "x.y.y", "x")]
    [InlineData("[1,2,1e99]", "[2]", "[2]")]
    [InlineData("1e99", "", "")]
    public void A_fault_says_where(string json, string path, string member)
    {
        var fault = KeptJson.BodyFault(Encoding.UTF8.GetBytes(json)).ShouldNotBeNull();
        (fault.Path, fault.Member).ShouldBe((path, member));
    }

    [Fact]
    public void Depth_count_names_texts_and_size_have_bounds()
    {
        static KeptFault? Of(string json) =>
            KeptJson.Fault(JsonSerializer.Deserialize<JsonElement>(json, new JsonSerializerOptions { MaxDepth = 2_000 }));
        static string Nested(int levels) => string.Concat(Enumerable.Repeat("""{"a":""", levels)) + "1" + new string('}', levels);
        Of(Nested(KeptJson.DepthMax)).ShouldBeNull();
        Of(Nested(KeptJson.DepthMax + 1))!.Message.ShouldContain("deep");
        Of(new string('[', 900) + new string(']', 900))!.Message.ShouldContain("deep");
        Of($"[{string.Join(',', Enumerable.Repeat("1", KeptJson.PartsMax))}]").ShouldBeNull();
        Of($"[{string.Join(',', Enumerable.Repeat("1", KeptJson.PartsMax + 1))}]")!.Message.ShouldContain("elements");
        Of($$"""{"{{new string('k', KeptJson.KeyCharactersMax)}}":1}""").ShouldBeNull();
        Of($$"""{"{{new string('k', KeptJson.KeyCharactersMax + 1)}}":1}""")!.Message.ShouldContain("name");
        Of($"\"{new string('x', KeptJson.TextCharactersMax)}\"").ShouldBeNull();
        Of($"\"{new string('x', KeptJson.TextCharactersMax + 1)}\"")!.Message.ShouldContain("characters");
        Of($"[{string.Join(',', Enumerable.Repeat($"\"{new string('x', 60_000)}\"", 9))}]")!.Message.ShouldContain("bytes");
    }

    [Fact]
    public void Size_is_that_of_what_is_stored_not_of_what_came()
    {
        // 15 KB come, 93 KB are stored
        var many = JsonSerializer.Deserialize<JsonElement>($"[{string.Join(',', Enumerable.Repeat("1e28", 3_000))}]");
        many.GetRawText().Length.ShouldBeLessThan(16_000);
        KeptJson.StoredBytes(many).ShouldBeGreaterThan(90_000);
        KeptJson.Fault(many, KeptJson.ObjectBytesMax)!.Message.ShouldContain("stored");
        KeptJson.Fault(many).ShouldBeNull();
    }

    [Fact]
    public void Each_member_of_a_body_has_a_bound_of_its_own()
    {
        var text = string.Join(',', Enumerable.Repeat($"\"{new string('x', 60_000)}\"", 8));
        KeptJson.BodyFault(Encoding.UTF8.GetBytes($$"""{"a":[{{text}}],"b":[{{text}}]}""")).ShouldBeNull();
        KeptJson.BodyFault(Encoding.UTF8.GetBytes($$"""{"a":[{{text}}],"b":[{{text}},{{text}}]}"""))!.Member.ShouldBe("b");
    }

    [Fact]
    public void Bytes_that_are_no_UTF_8_are_a_fault() => KeptJson.BodyFault([(byte)'"', 0xFF, (byte)'"']).ShouldNotBeNull();

    [Theory]
    [InlineData("1e131071", 131_072)]
    [InlineData("1e-16383", 16_383)]
    [InlineData("[1e131071,1e131071]", 262_144)]
    public void The_size_of_what_is_out_of_bounds_is_told_too(string json, long atLeast) =>
        KeptJson.StoredBytes(JsonSerializer.Deserialize<JsonElement>(json)).ShouldBeGreaterThanOrEqualTo(atLeast);

    /// <summary>A new request is bounded before anybody thinks of it.</summary>
    [Fact]
    public void No_request_takes_JSON_or_text_that_cannot_be_kept()
    {
        var (tried, kept) = (0, new List<string>());
        foreach (var type in typeof(ICommand).Assembly.GetTypes()
            .Where(t => t is { IsAbstract: false, IsGenericTypeDefinition: false } && t.IsAssignableTo(typeof(IBaseRequest))))
        {
            foreach (var property in type.GetProperties().Where(p => Poison(p.PropertyType) is not null && Field(type, p) is not null))
            {
                var request = RuntimeHelpers.GetUninitializedObject(type);
                Field(type, property)!.SetValue(request, Poison(property.PropertyType));
                tried++;
                if (!Faults(type, request).Any())
                {
                    kept.Add($"{type.Name}.{property.Name}");
                }
            }
        }

        tried.ShouldBeGreaterThan(80);
        kept.ShouldBeEmpty();
    }

    private static IEnumerable<object> Faults(Type type, object request) =>
        ((System.Collections.IEnumerable)typeof(KeptRequest<>).MakeGenericType(type).GetMethod("Faults")!.Invoke(null, [request])!)
        .Cast<object>();

    private static FieldInfo? Field(Type type, PropertyInfo property) =>
        type.GetField($"<{property.Name}>k__BackingField", BindingFlags.Instance | BindingFlags.NonPublic)
        ?? property.DeclaringType?.GetField($"<{property.Name}>k__BackingField", BindingFlags.Instance | BindingFlags.NonPublic);

    private static object? Poison(Type type)
    {
        var bomb = JsonSerializer.Deserialize<JsonElement>("""{"a":1e131071}""");
        return type == typeof(string) ? (object)"\ud800"
            : type == typeof(JsonElement) ? (object)bomb
            : type == typeof(JsonElement?) ? (object)bomb
            : type.IsAssignableFrom(typeof(string[])) && type != typeof(object) ? (object)new[] { "ok", "\0" }
            : type == typeof(Optional<string>) ? (object)new Optional<string>("\0", true)
            : type == typeof(Optional<IReadOnlyList<string>>) ? (object)new Optional<IReadOnlyList<string>>(["\0"], true)
            : type == typeof(Optional<JsonElement>) ? (object)new Optional<JsonElement>(bomb, true)
            : type == typeof(Optional<JsonElement?>) ? (object)new Optional<JsonElement?>(bomb, true)
            : null;
    }

    [Fact]
    public void Custom_fields_are_bounded_as_stored() =>
        ContactFieldsValidator.CustomFieldFault(JsonSerializer.Deserialize<JsonElement>("""{"n":1e131000}""")).ShouldNotBeNull()
        .ShouldContain("at n");
}
