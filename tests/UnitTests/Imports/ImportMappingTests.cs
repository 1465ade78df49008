using Bsp.Application.Imports;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.Imports;

public sealed class ImportMappingTests
{
    private static ImportMapping Map(UnknownColumns unknown, params (string From, string To)[] map) =>
        new(map.ToDictionary(m => m.From, m => m.To), unknown);

    [Fact]
    public void Columns_of_another_system_are_named_by_the_map()
    {
        var columns =
            ImportColumns.Read(["Telefon", "Vorname ", "Ort", "Notiz"],
                Map(UnknownColumns.Refuse, ("telefon", "phone_number"), ("Vorname", "first_name"), ("ORT", "custom.city"),
                    ("Notiz", "ignore")));
        columns.Names.ShouldBe(["phone_number", "first_name", "custom.city", "ignore"]);
        var (row, _) = columns.Check(["+4915112345678", "Ann", "Köln", "=HYPERLINK(1)"]);
        (row!.PhoneNumber, row.FirstName, row.CustomFields.ToJsonString()).ShouldBe(("+4915112345678", "Ann", """{"city":"K\u00F6ln"}"""));
    }

    [Fact]
    public void Unknown_columns_are_refused_kept_or_left_out_as_asked()
    {
        Should.Throw<Refusal>(() => ImportColumns.Read(["phone_number", "Farbe"])).Code.ShouldBe("import.header_unknown_column");
        ImportColumns.Read(["phone_number", "Farbe"], Map(UnknownColumns.Custom)).Names.ShouldBe(["phone_number", "custom.Farbe"]);
        ImportColumns.Read(["phone_number", "Farbe", "Form"],
            Map(UnknownColumns.Ignore)).Names.ShouldBe(["phone_number", "ignore", "ignore"]);
    }

    [Fact]
    public void A_map_to_nowhere_or_twice_to_one_is_refused()
    {
        Should.Throw<Refusal>(() =>
            ImportColumns.Read(["a", "b"],
                Map(UnknownColumns.Refuse, ("a", "phone_number"), ("b", "colour")))).Code.ShouldBe("import.header_unknown_column");
        Should.Throw<Refusal>(() =>
            ImportColumns.Read(["a", "b"],
                Map(UnknownColumns.Refuse, ("a", "phone_number"), ("b", "phone_number")))).Code.ShouldBe("import.header_duplicate_column");
    }

    [Fact]
    public void Custom_fields_come_as_one_JSON_column_with_their_types()
    {
        var columns = ImportColumns.Read(["phone_number", "tags", "custom_fields"]);
        var (row, _) = columns.Check(["'+4915112345678", """["a;b","c"]""", """{"age":30,"city":"Köln"}"""]);
        row!.Tags.ShouldBe(["a;b", "c"]);
        row.CustomFields["age"]!.GetValue<int>().ShouldBe(30);
        columns.Check(["+4915112345678", "", "{"]).Fault!.Reason.ShouldBe("is no JSON object");
        columns.Check(["+4915112345678", "", """{"a":{"b":1}}"""]).Fault!.Column.ShouldBe("custom_fields");
        columns.Check(["+4915112345678", "", """{"a":1,"a":2}"""]).Fault.ShouldNotBeNull();
    }
}
